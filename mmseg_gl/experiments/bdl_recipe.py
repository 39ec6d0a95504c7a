"""The recipe of BDL (Li et al., CVPR 2019) for configs of any network and domains."""

from __future__ import annotations

IMAGES = 'train_dataloader.dataset.source.data_prefix.img_path'
LABELS = 'train_dataloader.dataset.target.pipeline.{}.folder'


def bdl_recipe(
    translation: str,
    perceptual_translation: str,
    first: str,
    adapted: str,
    local: str,
    source_only: str | None = None,
    labels_step: int = 2,
) -> list[dict]:
    """Return the stages of BDL for ``stages`` of a recipe file.

    Two rounds of translation F with two rounds of pseudo labels each, M0 to M2, and the last stage
    once more with local alignment.

    Args:
        translation: Config of the first translation.
        perceptual_translation: Config of the second one, which the last M2 judges.
        first: Config of M0, without pseudo labels.
        adapted: Config of M1 and M2.
        local: The same with local alignment.
        source_only: Config of the network that every M starts from; None: they start as their
            configs say.
        labels_step: Place of ``LoadPseudoLabels`` in the target's pipeline.
    """
    stages: list[dict] = []
    start: dict[str, str] = {}

    def train(name: str, config: str, options: dict) -> None:
        stages.append(dict(name=name, tool='train', config=config, options=options))

    def apply(tool: str, name: str, config: str, checkpoint: str) -> None:
        stages.append(dict(name=name, tool=tool, config=config, checkpoint=checkpoint))

    if source_only:
        train('source-only', source_only, {})
        start = {'load_from': '{source-only}'}
    for k in (1, 2):
        config = translation if k == 1 else perceptual_translation
        train(f'F_{k}', config, {} if k == 1 else {'model.segmentor_checkpoint': '{M2_1}'})
        apply('translate', f'images_{k}', config, f'{{F_{k}}}')
        options, config = {**start, IMAGES: f'{{images_{k}}}'}, first
        train(f'M0_{k}', config, options)
        for n in (1, 2):
            apply('pseudo_label', f'labels{n - 1}_{k}', config, f'{{M{n - 1}_{k}}}')
            config = adapted
            labels = {LABELS.format(labels_step): f'{{labels{n - 1}_{k}}}'}
            train(f'M{n}_{k}', config, {**options, **labels})
    train('M2_2_local', local, stages[-1]['options'])
    return stages
