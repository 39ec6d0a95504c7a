# SYNTHIA-RAND-CITYSCAPES and Cityscapes as unlabelled images, for the translation between them.
_base_ = './gta5_and_cityscapes_images.py'
train_dataloader = dict(
    dataset=dict(source=dict(type='SYNTHIADataset', data_root='data/SYNTHIA')),
)
translation_dataset = dict(type='SYNTHIADataset', data_root='data/SYNTHIA')
