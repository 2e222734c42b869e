"""The product on top of the paper: colour for two photographs, without settings.

    colorizer = colornet.Colorizer.from_pretrained()
    rgb = colorizer(mono, reference)  # (H, W), (H, W, 3) -> (H, W, 3)

The Colorizer brings the pictures of two cameras together, estimates how far to search
and at which scale the network sees the pair, and averages the network's colours with
those of semi-global matching. The network alone, as in the paper, is
`colornet.inference.colorize_outputs`.
"""
