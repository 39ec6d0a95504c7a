# Quarter-width networks for the embedded benchmark's 96x96 crops.
_base_ = './cyclegan.py'
cyclegan = dict(
    generator=dict(channels=16, num_blocks=3),
    discriminator=dict(channels=16, num_layers=2),  # a score sees 34x34 pixels
)
