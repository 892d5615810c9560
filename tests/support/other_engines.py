"""Small checkpoints for engines of others, simple enough to say beforehand what they answer."""

from __future__ import annotations

import json
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
import uvicorn
from torch import Tensor, nn

from fewslice.engines import Engine, MonaiBundle, NNInteractive, TorchScript, UniverSeg
from fewslice.engines.prompted.description import FORMAT
from fewslice.integrations.nninteractive.app import create_app
from fewslice.integrations.nninteractive.keys import Keys
from fewslice.integrations.nninteractive.leases import LeaseSettings
from fewslice.networks.universeg import UniverSegNet, Width
from fewslice.workflow.session import Session

SMALL: tuple[Width, ...] = ((3, 3), (3, 3))


def random_universeg(
    encoder: tuple[Width, ...] = SMALL, *, symmetric: bool = False
) -> UniverSegNet:
    """Return a UniverSeg network with random weights.

    symmetric: its kernels are alike after any turn and mirroring, and so are its answers.
    """
    with torch.random.fork_rng():
        torch.manual_seed(3)
        network = UniverSegNet(encoder, encoder[-2::-1])
    if symmetric:
        for parameter in network.parameters():
            if parameter.ndim == 4:
                turned = [parameter.data.rot90(turn, (2, 3)) for turn in range(4)]
                turned += [each.transpose(2, 3) for each in turned]
                parameter.data = torch.stack(turned).mean(0)
    return network.eval()


def mean_of_masks() -> UniverSegNet:
    """Return a UniverSeg network whose logit is 8 times the examples' mean mask, less 4.

    In the finest block a feature copies the example's mask; averaged over the examples it is passed
    on by the skip connection, and the deeper blocks say nothing.
    """
    network = UniverSegNet(SMALL, SMALL[-2::-1])
    for parameter in network.parameters():
        parameter.data.zero_()
    state = network.state_dict()
    mask = 2  # of an encoder's input: the target, and an example's image and mask
    state["enc_blocks.0.cross.cross_conv.weight"][0, mask, 1, 1] = 1
    passed_on = SMALL[1][1]  # of a decoder's input: first what comes from below, then the skipped
    state["dec_blocks.0.cross.cross_conv.weight"][0, passed_on, 1, 1] = 1
    for block in ("enc_blocks.0", "dec_blocks.0"):
        state[f"{block}.target.vmapped.conv.weight"][0, 0, 1, 1] = 1
    state["out_conv.conv.weight"][0, 0] = 8
    state["out_conv.conv.bias"][0] = -4
    network.load_state_dict(state)
    return network.eval()


def save_universeg(path: Path, network: UniverSegNet) -> Path:
    """Write a network in UniverSeg's published format."""
    torch.save(network.state_dict(), path)
    return path


class Nearby(nn.Module):
    """Says structure where more of what is known nearby is inside than outside.

    Takes image, inside and outside, as volumes or slices; its weight is what a checkpoint holds.
    """

    def __init__(self, sides: int = 11) -> None:
        super().__init__()
        self.sharpness = nn.Parameter(torch.tensor(8.0))
        self.sides = sides

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (batch, 1, *patch)."""
        near, far = self.mean(x[:, 1:2]), self.mean(x[:, 2:3])
        return self.sharpness * (near / (near + far + 1e-6) - 0.5)

    def mean(self, x: Tensor) -> Tensor:
        """Return the mean around each voxel, zeros beyond the edge: side by side, it is quick."""
        n, half = self.sides, self.sides // 2
        if x.dim() == 5:
            x = nn.functional.avg_pool3d(x, (n, 1, 1), 1, (half, 0, 0))
            x = nn.functional.avg_pool3d(x, (1, n, 1), 1, (0, half, 0))
            return nn.functional.avg_pool3d(x, (1, 1, n), 1, (0, 0, half))
        return nn.functional.avg_pool2d(x, n, 1, half)


class Brightness(nn.Module):
    """Answers with the image itself, as one channel or after one of zeros."""

    def __init__(self, channels: int = 1) -> None:
        super().__init__()
        self.channels = channels

    def forward(self, x: Tensor) -> Tensor:
        """Return (batch, channel, *patch)."""
        image = x[:, :1]
        if self.channels == 1:
            return image
        return torch.cat([torch.zeros_like(image), image], dim=1)


def described(dimensions: int = 3, side: int = 48, **given: Any) -> dict[str, Any]:
    """Return a description as JSON values."""
    return {
        "format": FORMAT,
        "dimensions": dimensions,
        "channels": ["image", "inside", "outside"],
        "patch": [side] * dimensions,
        **given,
    }


def save_torchscript(path: Path, module: nn.Module, description: dict[str, Any]) -> Path:
    """Write a network as TorchScript, and its description beside it."""
    _script(module, path)
    path.with_suffix(".json").write_text(json.dumps(description), encoding="utf-8")
    return path


def save_bundle(
    folder: Path, module: nn.Module, *, inference: dict[str, Any] | None = None
) -> Path:
    """Write a MONAI bundle: metadata, an inference configuration and TorchScript."""
    (folder / "configs").mkdir(parents=True)
    (folder / "models").mkdir()
    image = {
        "type": "image",
        "num_channels": 3,
        "spatial_shape": [48, 48, 48],
        "channel_def": {"0": "image", "1": "foreground guidance", "2": "background guidance"},
    }
    metadata = {"version": "0.1.0", "network_data_format": {"inputs": {"image": image}}}
    (folder / "configs" / "metadata.json").write_text(json.dumps(metadata), encoding="utf-8")
    if inference is not None:
        (folder / "configs" / "inference.json").write_text(json.dumps(inference), encoding="utf-8")
    _script(module, folder / "models" / "model.ts")
    return folder


def _script(module: nn.Module, path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # PyTorch would rather have others
        torch.jit.save(torch.jit.script(module.eval()), str(path))


@contextmanager
def nninteractive_server(
    folder: Path, engine: str = "interpolation", key: str | None = None
) -> Iterator[str]:
    """Run our own nnInteractive server on any free port; return its address.

    engine: what it answers with; a quick one.
    """
    with pytest.MonkeyPatch.context() as patch:
        quick = partial(Session, engine=engine)
        patch.setattr("fewslice.integrations.nninteractive.scene.Session", quick)
        app = create_app(folder, LeaseSettings(most=2), Keys(key))
        server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error"))
        thread = threading.Thread(target=server.run)
        thread.start()
        while not server.started:
            thread.join(0.01)
        try:
            yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


Made = Callable[[Path, ExitStack], Engine]
"""Makes an engine of others in a folder; what it opens is closed with the stack."""


def symmetric_universeg(folder: Path, _: ExitStack) -> Engine:
    return UniverSeg(save_universeg(folder / "a.pt", random_universeg(symmetric=True)))


def voting_universeg(folder: Path, _: ExitStack) -> Engine:
    return UniverSeg(save_universeg(folder / "b.pt", mean_of_masks()))


def slices(folder: Path, _: ExitStack) -> Engine:
    return TorchScript(save_torchscript(folder / "slices.pt", Nearby(3), described(2)))


def volumes(folder: Path, _: ExitStack) -> Engine:
    return MonaiBundle(save_bundle(folder / "bundle", Nearby()))


def remote(folder: Path, opened: ExitStack) -> Engine:
    return NNInteractive(opened.enter_context(nninteractive_server(folder)))


OTHERS: dict[str, Made] = {
    "universeg": symmetric_universeg,
    "torchscript": slices,
    "monai-bundle": volumes,
    "nninteractive": remote,
}
"""Engines of others, each with a checkpoint or a server that is made here."""
OTHER_LEARNERS: dict[str, Made] = {"universeg": voting_universeg}
