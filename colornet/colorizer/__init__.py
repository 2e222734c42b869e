"""The product on top of the paper: colour for two photographs, without settings.

    colorizer = colornet.Colorizer.from_pretrained()
    rgb = colorizer(mono, reference)  # (H, W), (H, W, 3) -> (H, W, 3)

The Colorizer estimates how far to search and at which scale the network sees a pair,
and carries this plan out. The network alone, as in the paper, is
`colornet.inference.colorize_outputs`.
"""
