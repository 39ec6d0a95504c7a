from mmseg.models.segmentors import EncoderDecoder
from mmseg.models.utils import resize
from mmseg.registry import MODELS

from mmseg_gl.errors import UserError, check_choice
from mmseg_gl.models.representations import at_least_float32
from mmseg_gl.models.training import autocast_layout

UPSAMPLED = ('logits', 'probabilities')


@MODELS.register_module()
class MultiOutputEncoderDecoder(EncoderDecoder):
    """mmseg's EncoderDecoder that can return the logits of every head, for output-space alignment.

    ``mode='outputs'`` is all that an adaptation step needs, in one ``forward`` (so that it also
    works behind DistributedDataParallel): the output levels at the input's size and, if the
    samples carry labels, the supervised losses computed on the very same maps. The other modes
    are mmseg's.

    For a test image the low-resolution logits are resized once, straight to the original image
    size, as the official evaluations do, instead of to the input size first.

    Args:
        test_cfg (dict): mmseg's, and ``upsample``, what is resized for a test image before the
            largest is taken: 'logits' (default; AdaptSegNet, ADVENT), or 'probabilities', the
            softmax of the network's output (BDL, evaluation.py; with ``mode='whole'`` only). The
            predicted samples then hold probabilities as ``seg_logits``. Their metainfo
            ``upsampled`` tells which.
        **kwargs: See mmseg's EncoderDecoder.

    Raises:
        UserError: For an unknown ``upsample``, probabilities in another mode, or sliding windows
            without a size.
    """

    def __init__(self, *args, test_cfg=None, **kwargs):
        super().__init__(*args, test_cfg=test_cfg, **kwargs)
        test_cfg = test_cfg or {}
        if test_cfg.get('mode') == 'slide' and not {'crop_size', 'stride'} <= set(test_cfg):
            raise UserError(
                "test_cfg mode='slide' needs crop_size=(height, width) and stride=(height, width)"
            )
        self.upsample = test_cfg.get('upsample', 'logits')
        check_choice('test_cfg.upsample', self.upsample, UPSAMPLED)
        if self.upsample == 'probabilities' and test_cfg.get('mode') != 'whole':
            raise UserError(
                "test_cfg.upsample='probabilities' is for whole images; give test_cfg mode='whole'"
            )

    def forward(self, inputs, data_samples=None, mode='tensor'):
        """Run the network.

        Args:
            inputs (Tensor): Images, (N, 3, H, W).
            data_samples (list[SegDataSample] | None): With ``gt_sem_seg`` of (1, H, W) for losses.
            mode (str): 'outputs', or 'loss', 'predict', 'tensor' as in mmseg.

        Returns:
            For 'outputs', a pair: ``dict[str, Tensor]`` of logits (N, K, H, W) per level
            ('decode' and, if there is an auxiliary head, 'auxiliary'); and ``dict[str, Tensor]``
            of losses ``loss_seg_<level>``, empty without labels.
        """
        if mode == 'outputs':
            return self.outputs(inputs, data_samples)
        return super().forward(inputs, data_samples, mode)

    def outputs(self, inputs, data_samples=None):
        features = self.extract_feat(autocast_layout(inputs))
        labelled = data_samples is not None and 'gt_sem_seg' in data_samples[0]
        logits, losses = {}, {}
        for level, head in self.heads():
            logits[level] = resize(
                at_least_float32(head(features)),
                size=inputs.shape[2:],
                mode='bilinear',
                align_corners=head.align_corners,
                warning=False,
            )
            if labelled:
                labels = head._stack_batch_gt(data_samples).squeeze(1)
                losses[f'loss_seg_{level}'] = head.loss_decode(
                    logits[level], labels, ignore_index=head.ignore_index
                )
        return logits, losses

    def extract_feat(self, inputs):
        """Return the backbone's features; the heads' options must fit them."""
        features = super().extract_feat(inputs)
        shapes = [feature.shape[1] for feature in features]
        for level, head in self.heads():
            index = head.in_index
            if not isinstance(index, int):
                continue
            if not -len(shapes) <= index < len(shapes) or shapes[index] != head.in_channels:
                raise UserError(
                    f'model.segmentor.{level}_head: in_index={index} and in_channels='
                    f'{head.in_channels} do not fit the backbone, whose outputs have '
                    f'{", ".join(map(str, shapes))} channels'
                )
        return features

    def heads(self):
        """Return the (level, head) pairs, main output first."""
        pairs = [('decode', self.decode_head)]
        if self.with_auxiliary_head:
            pairs.append(('auxiliary', self.auxiliary_head))
        return pairs

    def whole_inference(self, inputs, batch_img_metas):
        sizes = {tuple(meta['ori_shape'][:2]) for meta in batch_img_metas}
        padded = any(any(meta.get('img_padding_size', ())) for meta in batch_img_metas)
        one_resize = len(sizes) == 1 and not padded
        maps = self._forward(inputs)
        return resize(
            maps.softmax(dim=1) if self.upsample == 'probabilities' else maps,
            size=sizes.pop() if one_resize else inputs.shape[2:],
            mode='bilinear',
            align_corners=self.align_corners,
            warning=False,
        )

    def postprocess_result(self, seg_logits, data_samples=None):
        samples = super().postprocess_result(seg_logits, data_samples)
        for sample in samples:
            sample.set_metainfo(dict(upsampled=self.upsample))
        return samples
