"""The tiny project with networks that cheat in a known part."""

from __future__ import annotations

from projects import THRESHOLDS, write_project

PARTS = """
import torch
from torch import nn
from tinymodel import Window


class TwoWays(nn.Module):
    '''Looks at the object one way and at the corner another; the head may listen to either.'''

    def __init__(self, cheats):
        super().__init__()
        self.colour = nn.Conv2d(3, 2, 1, bias=False)
        self.relu = nn.ReLU(inplace=True)
        self.object_way = Window(False)
        self.corner_way = Window(True)
        self.head = nn.Linear(4, 2, bias=False)
        with torch.no_grad():
            self.colour.weight.copy_(torch.tensor([[1.0, -1.0, 0.0], [-1.0, 1.0, 0.0]])[:, :, None, None])
            eye, none = 20 * torch.eye(2), torch.zeros(2, 2)
            self.head.weight.copy_(torch.cat([none, 5 * eye] if cheats else [eye, none], dim=1))

    def forward(self, x):
        x = self.relu(self.colour(x))
        ways = [self.object_way(x).mean((2, 3)), self.corner_way(x).mean((2, 3))]
        return self.head(torch.cat(ways, dim=1))


class Many(TwoWays):
    '''One part of 32 channels: the last two answer to the corner, the others to the object, and the head hears all.'''

    def __init__(self):
        super().__init__(True)
        self.both = nn.Identity()
        self.head = nn.Linear(32, 2, bias=False)
        with torch.no_grad():
            self.head.weight.copy_(2 * torch.eye(2).repeat(1, 16))
            self.head.weight[:, 30:] = 200 * torch.eye(2)

    def forward(self, x):
        x = self.relu(self.colour(x))
        ways = [self.object_way(x).repeat(1, 15, 1, 1), self.corner_way(x)]
        return self.head(self.both(torch.cat(ways, dim=1)).mean((2, 3)))


def build(corner=False):
    return TwoWays(corner)


def many(corner=True):
    return Many()
"""


def write_two_ways(folder, *, cheats, per_class=8, build="build"):
    """A backbone that holds object and mark alike: who cheats is the head alone."""
    text = THRESHOLDS.replace("tinymodel:build", f"twoways:{build}").replace("layer: window", "layer: object_way")
    path = write_project(folder, corner=cheats, per_class=per_class, thresholds=text)
    (folder / "twoways.py").write_text(PARTS, encoding="utf-8")
    return path


def write_many(folder, *, per_class=8):
    """Of which it is known which channels of one part carry the cue."""
    return write_two_ways(folder, cheats=True, per_class=per_class, build="many")
