from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from mmengine.dataset import pseudo_collate
from torch import Tensor

from mmseg_gl.datasets.inspection import list_images
from mmseg_gl.deployment.pipeline import build_steps
from mmseg_gl.deployment.prediction import Prediction
from mmseg_gl.deployment.published import read_published
from mmseg_gl.errors import UserError

Image = str | os.PathLike | np.ndarray


class Predictor:
    """A published network that predicts images of any size.

    It predicts what tools/test.py and tools/infer.py do: an image is resized as the config says,
    and the network's output is resized to the image's own size.

    Args:
        file: File written by tools/publish.py.
        device: E.g. 'cpu' or 'cuda:1'; None takes a GPU if there is one.

    Attributes:
        classes: Names of the K classes.
        palette: Their colours, (K, 3) uint8 RGB.
        protocol: How ``figures`` were measured, in words; '' without figures.
        figures: mIoU and the IoU of each class in percent, by the names in ``metrics.json``; empty
            if nothing was measured when the file was published.
        about: Further facts: ``version`` of this library; ``iteration`` and ``weights``
            ('segmentor' or 'teacher') of the training; ``model``, the config of the network;
            ``test_pipeline``.
        segmentor: The network, an ``nn.Module`` in eval mode.

    Raises:
        UserError: If the file is missing, damaged or no published file.
    """

    def __init__(self, file: str | os.PathLike, device: str | torch.device | None = None) -> None:
        self.segmentor, contents = read_published(os.fspath(file))
        metainfo, self.about = contents['meta']['dataset_meta'], contents['mmseg_gl']
        self.classes: tuple[str, ...] = tuple(metainfo['classes'])
        self.palette = np.array(metainfo['palette'], np.uint8)
        self.figures: dict[str, float] = self.about.pop('figures')
        self.protocol: str = self.about.pop('protocol')
        self.load, *self.steps = build_steps(self.about['test_pipeline'])
        device = device or ('cuda' if torch.cuda.is_available() else 'cpu')
        self.segmentor.to(device)

    def predict(
        self, images: Image | Sequence[Image], probabilities: bool = False
    ) -> Prediction | list[Prediction]:
        """Predict an image, or several.

        Args:
            images: A PNG or JPEG file; an array (H, W, 3) uint8 RGB; a list of both; or a folder,
                which is searched for PNG and JPEG files.
            probabilities: Return the probabilities of all classes as well, which take 4K bytes per
                pixel.

        Returns:
            A prediction for a file or an array; for a list or a folder a list of them, in the order
            of the list or of the sorted paths.

        Raises:
            UserError: For an image that cannot be read, an array of another kind, a folder without
                images, or a network whose output is not finite.
        """
        if isinstance(images, (str, os.PathLike, np.ndarray)):
            if isinstance(images, np.ndarray) or not os.path.isdir(images):
                return self.predict_one(images, probabilities)
            folder = dict(type='ImageFolderDataset', data_root=os.fspath(images))
            images = [path for path, _ in list_images('given', folder)]
        return [self.predict_one(image, probabilities) for image in images]

    def predict_one(self, image: Image, probabilities: bool) -> Prediction:
        """Predict a file or an array; see :meth:`predict`."""
        sample = self.prepare(image)
        with torch.no_grad():
            result = self.segmentor.test_step(pseudo_collate([sample]))[0]
        maps: Tensor = result.seg_logits.data
        if not torch.isfinite(maps).all():
            raise UserError('the network has no finite output for this image; publish another one')
        if probabilities and self.segmentor.upsample == 'logits':
            maps = maps.softmax(dim=0)
        return Prediction(
            labels=result.pred_sem_seg.data.squeeze(0).cpu().numpy().astype(np.uint8),
            probabilities=maps.cpu().numpy() if probabilities else None,
            path=None if isinstance(image, np.ndarray) else os.fspath(image),
            palette=self.palette,
        )

    def prepare(self, image: Image) -> dict[str, Any]:
        """Return the input of the network for a file or an array."""
        if isinstance(image, np.ndarray):
            if image.shape[2:] != (3,) or not image.size or image.dtype != np.uint8:
                raise UserError(
                    f'an array {image.shape} {image.dtype} was given; expected an RGB image '
                    '(height, width, 3) uint8'
                )
            bgr, size = np.ascontiguousarray(image[..., ::-1]), image.shape[:2]
            results = dict(img=bgr, img_shape=size, ori_shape=size)
        else:
            results = self.load(dict(img_path=os.fspath(image)))
        for step in self.steps:
            results = step(results)
        return results
