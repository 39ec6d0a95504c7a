from typing import Any

import torch
from mmengine.runner import Runner, ValLoop
from mmengine.runner.amp import autocast
from mmseg.registry import LOOPS

from mmseg_gl.datasets.training_images import TrainingImages


@LOOPS.register_module()
class UDAValLoop(ValLoop):
    """Validation that also tells how the network does without any label of the target.

    After the validation images it looks at some training images of both domains, the same ones
    every time, as the validation shows images to the network. Of the target's come
    :class:`UnsupervisedScores`, and of the source's, which have labels, ``source/mIoU``. The
    validation images themselves are optional: ``val_evaluator=[]`` leaves them out, for a target
    without any label.

    Args:
        runner: The runner; its ``train_dataloader`` has a :class:`UDADataset`.
        dataloader, evaluator: See mmengine's ``ValLoop``.
        num_images: Number of training images of each domain; 0 for none.
        fp16: See mmengine's ``ValLoop``.
    """

    EVALUATORS = dict(
        target=dict(type='UnsupervisedScores'),
        source=dict(type='UDAIoUMetric', table=False, prefix='source'),
    )
    NO_WORKERS = dict(num_workers=0, persistent_workers=False, prefetch_factor=None, timeout=0)

    def __init__(
        self,
        runner: Runner,
        dataloader: Any,
        evaluator: Any,
        num_images: int = 50,
        fp16: bool = False,
    ) -> None:
        super().__init__(runner, dataloader, evaluator, fp16)
        self.training_images = []
        data, loader = (runner.cfg[name] for name in ('train_dataloader', 'val_dataloader'))
        for domain, metric in self.EVALUATORS.items() if num_images else ():
            if data.dataset.type == 'UDADataset' and data.dataset.get(domain):
                pipeline = loader.dataset.pipeline
                images = TrainingImages(domain, data.dataset, pipeline, num_images)
                own = dict(loader, dataset=images, **self.NO_WORKERS)
                part = runner.build_dataloader(own, seed=runner.seed)
                evaluation = runner.build_evaluator(metric)
                evaluation.dataset_meta = images.metainfo
                self.training_images.append((part, evaluation))

    def run(self) -> dict[str, float]:
        """Run the validation and return the figures of all images."""
        self.runner.call_hook('before_val')
        self.runner.call_hook('before_val_epoch')
        self.runner.model.eval()
        metrics: dict[str, float] = {}
        if self.evaluator.metrics:
            for index, batch in enumerate(self.dataloader):
                self.run_iter(index, batch)
            metrics.update(self.evaluator.evaluate(len(self.dataloader.dataset)))
        with torch.random.fork_rng(devices=[]):  # a loader draws a number that dropout would get
            for loader, evaluator in self.training_images:
                for batch in loader:
                    self.look(batch, evaluator)
                metrics.update(evaluator.evaluate(len(loader.dataset)))
        self.runner.call_hook('after_val_epoch', metrics=metrics)
        self.runner.call_hook('after_val')
        return metrics

    @torch.no_grad()
    def look(self, batch: dict, evaluator: Any) -> None:
        """Evaluate training images; no hook takes them for the validation's."""
        with autocast(enabled=self.fp16):
            samples = self.runner.model.val_step(batch)
        evaluator.process(samples, batch)
