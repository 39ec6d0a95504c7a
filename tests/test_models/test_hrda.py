"""HRDAEncoderDecoder: where the detail crops are. test_fidelity compares what it computes."""

import pytest
import torch
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS

from mmseg_gl.errors import UserError
from mmseg_gl.models import HRDAEncoderDecoder, ImageBatch

HEAD = dict(type='DAFormerHead', channels=8, fusion='conv', num_classes=3, align_corners=False)


def build(**options):
    init_default_scope('mmseg')
    return HRDAEncoderDecoder(
        backbone=dict(type='MixTransformer', arch='b0'),
        decode_head=HEAD,
        scale_attention_head=HEAD,
        test_cfg=dict(mode='whole'),
        **{**dict(detail_crop=(64, 64), detail_stride=(32, 32)), **options},
    )


def test_places_of_the_training_crop():
    net, twin = build(), build()
    boxes = [net.draw_box(64, 95) for _ in range(60)]
    assert {(box.top, box.bottom) for box in boxes} == {(0, 64)}
    # 8 * randint(0, (margin + 1) // 8): a margin of 31 pixels has 4 places, below it
    assert {box.left for box in boxes} == {0, 8, 16, 24}
    assert all(box.right - box.left == 64 for box in boxes)
    assert net.draw_box(32, 64) == (0, 32, 0, 64)
    twin.load_state_dict(net.state_dict())
    assert [net.draw_box(640, 640) for _ in range(9)] == [twin.draw_box(640, 640) for _ in range(9)]


@pytest.mark.parametrize(
    'size, step, tops, lefts',
    [
        ((128, 128), (32, 32), (0, 32, 64), (0, 32, 64)),
        ((96, 144), (64, 48), (0, 32), (0, 48, 80)),  # the last ones end with the image
        ((64, 40), (32, 32), (0,), (0,)),
    ],
)
def test_crops_in_inference_cover_the_image(size, step, tops, lefts):
    boxes = build(detail_stride=step).windows(*size)
    assert [(box.top, box.left) for box in boxes] == [(y, x) for y in tops for x in lefts]
    for box in boxes:
        assert box.bottom == min(box.top + 64, size[0]) and box.right == min(box.left + 64, size[1])


@torch.no_grad()
def test_outputs_are_those_of_inference_outside_of_training():
    net = build().eval()
    images, seed = torch.randn(1, 3, 64, 96), net.seed.clone()
    outputs = net(ImageBatch(images), mode='outputs')
    torch.testing.assert_close(outputs.logits['decode'], net.encode_decode(images, []))
    assert outputs.box is None and net.seed == seed
    assert net.train()(ImageBatch(images), mode='outputs').box is not None


@torch.no_grad()
def test_images_that_do_not_fit():
    net = build().eval()
    assert net(torch.zeros(1, 3, 72, 96)).shape == (1, 3, 18, 24)
    with pytest.raises(UserError, match='96x68 .* multiples of 8'):
        net(torch.zeros(1, 3, 68, 96))
    with pytest.raises(UserError, match='auxiliary_head=None'):
        build(auxiliary_head=dict(HEAD, in_channels=(32,), in_index=(0,)))
    with pytest.raises(UserError, match='detail_stride=.30, 32. .* multiples of 8'):
        build(detail_stride=(30, 32)).eval()(torch.zeros(1, 3, 72, 96))


@pytest.mark.parametrize(
    'options', [dict(detail_stride=(65, 32)), dict(detail_crop=64), dict(detail_weight=3)]
)
def test_options_out_of_range(options):
    with pytest.raises(UserError, match=f'{next(iter(options))}.*=.* expected'):
        build(**options)


def test_the_daformer_head_has_the_official_size():
    """DAFormer's on MiT-B0 and B5, and its ablations' fusions (without BN's statistics)."""
    init_default_scope('mmseg')
    b0, b5 = (32, 64, 160, 256), (64, 128, 320, 512)
    embedding = sum(256 * (width + 1) for width in b5)
    classifier, norm = 19 * 257, 512
    conv = 256 * 1024 + norm
    aspp = conv + 3 * (9 * 256 * 1024 + norm) + 9 * 256 * 1024 + norm
    for channels, fusion, number in (
        (b0, 'separable_aspp', 3_581_203),
        (b5, 'separable_aspp', 3_712_275),
        (b5, 'conv', embedding + conv + classifier),
        (b5, 'aspp', embedding + aspp + classifier),
    ):
        with torch.device('meta'):
            cfg = dict(HEAD, in_channels=channels, channels=256, num_classes=19, fusion=fusion)
            head = MODELS.build(cfg)
        assert sum(p.numel() for p in head.parameters()) == number
    with pytest.raises(UserError, match='fusion'):
        MODELS.build(dict(HEAD, in_channels=b0, fusion='isa'))
