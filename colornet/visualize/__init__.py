"""Pictures of pairs, pixels and volumes, for TensorBoard and files. No TensorFlow.

    drawing.py     colours, text, axes and layout: what all pictures are put together of
    pictures.py    an example and its colorization
    pixels.py      a few telling pixels and their weights
    volumes.py     the attention volume A and the weight volume W
    summaries.py   all of these by TensorBoard's tags, with descriptions
    page.py        a page to look into the volumes of a pair, with page.html

A picture is a uint8 (height, width, 3) RGB array. The same maps give the same picture.
"""
