# DAFormer: DACS with a slower teacher, without pseudo labels at the top and the bottom of the images,
# and with the feature distance on things. Rare class sampling is in ../datasets.
_base_ = './dacs.py'
teacher = dict(momentum=0.001)  # 1 - alpha, alpha = 0.999
views = dict(
    mixed=dict(ignored_rows=(15, 120)),  # of 512: what a rectified image lacks, and the ego vehicle
)
source_losses = dict(
    feature_distance=dict(
        type='FeatureDistance',
        loss_weight=0.005,
        min_share=0.75,
        # light, sign, person, rider, car, truck, bus, train, motorcycle, bicycle
        classes=(6, 7, 11, 12, 13, 14, 15, 16, 17, 18),
    ),
)
