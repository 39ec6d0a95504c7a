# The same for crops of 1024x1024, as in HRDA and MIC.
_base_ = './rare_class_sampling.py'
rare_class_sampling = dict(min_crop_ratio=2.0)  # more than 6000 pixels in a crop
