from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from fewslice.errors import WeightsError
from fewslice.networks.universeg import UniverSegNet, load_universeg
from tests.support.other_engines import mean_of_masks, random_universeg, save_universeg

# What the authors' model of four blocks of 64 features holds, block by block.
PUBLISHED = {
    "enc_blocks.0.cross.cross_conv.weight": (64, 3, 3, 3),
    "enc_blocks.0.cross.cross_conv.bias": (64,),
    "enc_blocks.0.target.vmapped.conv.weight": (64, 64, 3, 3),
    "enc_blocks.0.support.vmapped.conv.bias": (64,),
    "enc_blocks.3.cross.cross_conv.weight": (64, 128, 3, 3),
    "dec_blocks.0.cross.cross_conv.weight": (64, 256, 3, 3),
    "dec_blocks.2.support.vmapped.conv.weight": (64, 64, 3, 3),
    "out_conv.conv.weight": (1, 64, 1, 1),
    "out_conv.conv.bias": (1,),
}


def pairwise(state: dict[str, Tensor], block: str, target: Tensor, support: Tensor) -> Tensor:
    """CrossConv as the paper defines it: each pair stacked, then convolved."""
    weight, bias = (state[f"{block}.cross.cross_conv.{name}"] for name in ("weight", "bias"))
    pairs = torch.stack([torch.cat([target[0], each]) for each in support])
    return functional.conv2d(pairs, weight, bias, padding=1)


def convolved(state: dict[str, Tensor], name: str, images: Tensor) -> Tensor:
    weight, bias = (state[f"{name}.vmapped.conv.{part}"] for part in ("weight", "bias"))
    return functional.leaky_relu(functional.conv2d(images, weight, bias, padding=1), 0.01)


def block_of(
    state: dict[str, Tensor], block: str, target: Tensor, support: Tensor
) -> tuple[Tensor, Tensor]:
    pairs = pairwise(state, block, target, support)
    mean = pairs.mean(dim=0, keepdim=True)
    return (
        convolved(state, f"{block}.target", mean),
        convolved(state, f"{block}.support", pairs),
    )


@pytest.mark.slow
def test_it_answers_as_the_paper_defines_it() -> None:
    network = random_universeg()
    state = network.state_dict()
    image, support = torch.rand(8, 12), torch.rand(3, 2, 8, 12)
    fine = block_of(state, "enc_blocks.0", image[None, None], support)
    halved = [functional.max_pool2d(each, 2) for each in fine]
    coarse = block_of(state, "enc_blocks.1", halved[0], halved[1])
    up = torch.nn.UpsamplingBilinear2d(scale_factor=2)
    joined = [torch.cat([up(low), high], dim=1) for low, high in zip(coarse, fine, strict=True)]
    last, _ = block_of(state, "dec_blocks.0", joined[0], joined[1])
    expected = functional.conv2d(last, state["out_conv.conv.weight"], state["out_conv.conv.bias"])
    found = network(image, support)
    torch.testing.assert_close(found, expected[0, 0])


def test_names_and_shapes_are_those_that_were_published() -> None:
    state = UniverSegNet([(64, 64)] * 4, [(64, 64)] * 3).state_dict()
    assert {name: tuple(state[name].shape) for name in PUBLISHED} == PUBLISHED
    assert len(state) == 7 * 6 + 2
    # 75,648 of the first block, 147,648 of the three others, 221,376 of each on the way up, 65.
    assert sum(tensor.numel() for tensor in state.values()) == 1_182_785


def test_the_mean_of_masks_by_hand() -> None:
    support = torch.zeros(4, 2, 8, 8)
    support[:, 0] = torch.rand(4, 8, 8)  # what the images show does not matter to it
    support[:3, 1, 2, 3] = 1
    with torch.inference_mode():
        logits = mean_of_masks()(torch.rand(8, 8), support)
    assert logits[2, 3] == pytest.approx(8 * 3 / 4 - 4)
    assert logits[2, 4] == pytest.approx(-4)


def test_widths_follow_from_the_file(tmp_path: Path) -> None:
    network = random_universeg(((4, 5), (6, 7), (3, 3)))
    again = load_universeg(save_universeg(tmp_path / "a.pt", network))
    image, support = torch.rand(8, 8), torch.rand(2, 2, 8, 8)
    assert torch.equal(again(image, support), network(image, support))


def test_files_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    state = random_universeg().state_dict()
    path = tmp_path / "a.pt"
    wrong = {
        "0 encoder and 0 decoder blocks": {"conv.weight": torch.zeros(1)},
        "2 encoder and 0 decoder": {k: v for k, v in state.items() if not k.startswith("dec")},
        "Missing key.*out_conv": {k: v for k, v in state.items() if not k.startswith("out")},
        "Unexpected key.*more": state | {"more": torch.zeros(1)},
        "size mismatch for out_conv": state | {"out_conv.conv.bias": torch.zeros(2)},
    }
    for said, held in wrong.items():
        torch.save(held, path)
        with pytest.raises(WeightsError, match=said) as caught:
            load_universeg(path)
        assert "\n" not in str(caught.value)
        assert str(caught.value).endswith("universeg_v1_nf64_ss64_STA.pt.")
