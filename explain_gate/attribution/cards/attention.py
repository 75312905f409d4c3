"""Cards of attention of vision transformers."""

from __future__ import annotations

from explain_gate.attribution.cards.card import Method

CARDS = (
    Method(
        key="attention_rollout",
        family="attention",
        kind="positive",
        summary="where a vision transformer's attention comes from, through all layers",
        source="Abnar 2020",
        cost="1 forward",
        caveat="does not look at the class, nor at what the values carry; ViT-like models only",
        needs=("attention",),
    ),
    Method(
        key="gradient_attention",
        family="attention",
        kind="positive",
        summary="attention weighted by how much the score wants it, through all layers",
        source="Chefer 2021",
        cost="1 forward + backward",
        caveat="counts only positive gradients; ViT-like models only",
        needs=("gradients", "attention"),
    ),
)
