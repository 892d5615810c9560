"""The network as a whole: an untrained one keeps its base, a random one shows who sees what."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from fewslice.networks.fewslice_net import FewsliceNet, cut
from fewslice.networks.inputs import CROSSING, NOWHERE, OTHER_SCAN, SAME_SCAN, Inputs, Remembered
from fewslice.networks.settings import NetworkSettings

SETTINGS = NetworkSettings(widths=(8, 8, 16, 16), keys=8, values=8, heads=2, hints=5)


def network(*, random: bool = True) -> FewsliceNet:
    """Return an untrained network; random: with a last layer that is not 0."""
    torch.manual_seed(0)
    found = FewsliceNet(SETTINGS)
    if random:
        torch.nn.init.normal_(found.decoder.logit.weight)
        torch.nn.init.normal_(found.reader.nothing)
    return found.eval()


def remembered(
    slices: int, structures: int, size: tuple[int, int], frame: int = SAME_SCAN
) -> Remembered:
    masks = (torch.rand(slices, structures, 2, *size) > 0.5).float()
    return Remembered(
        torch.rand(slices, 1, 3, *size),
        masks,
        torch.rand(slices, 3) * 10,
        torch.full((slices,), frame),
    )


def inputs(
    size: tuple[int, int] = (16, 24),
    structures: int = 2,
    channels: int = 1,
    memory: tuple[Remembered, ...] | None = None,
) -> Inputs:
    torch.manual_seed(5)
    slices = 3
    return Inputs(
        torch.rand(slices, channels, 3, *size),
        torch.randn(slices, structures, SETTINGS.hints, *size),
        torch.randn(slices, structures, *size),
        torch.rand(slices, 3) * 10,
        (remembered(2, structures, size),) if memory is None else memory,
    )


def answer(net: FewsliceNet, given: Inputs) -> Tensor:
    with torch.inference_mode():
        found: Tensor = net(given)
    return found


def close(one: Tensor, other: Tensor) -> None:
    np.testing.assert_allclose(one.detach(), other.detach(), atol=2e-4, rtol=1e-3)


@pytest.mark.parametrize("size", [(16, 24), (13, 21), (1, 1), (3, 40)])
@pytest.mark.parametrize("structures", [1, 3])
def test_an_untrained_network_answers_its_base(size: tuple[int, int], structures: int) -> None:
    given = inputs(size, structures)
    logits = answer(network(random=False), given)
    assert logits.shape == (3, structures + 1, *size)
    assert (logits[:, 0] == 0).all()
    assert torch.equal(logits[:, 1:], given.base)


@pytest.mark.parametrize("size", [(13, 21), (2, 5)])
def test_a_random_network_answers_any_size(size: tuple[int, int]) -> None:
    given = inputs(size)
    logits = answer(network(), given)
    assert torch.isfinite(logits).all()
    assert (logits[:, 0] == 0).all()
    assert (logits[:, 1:] - given.base).abs().max() > 0.05


def test_the_base_is_only_added() -> None:
    given = inputs()
    moved = replace(given, base=given.base + 3)
    net = network()
    close(answer(net, moved)[:, 1:], answer(net, given)[:, 1:] + 3)


def test_slices_are_answered_each_on_its_own() -> None:
    net, given = network(), inputs()
    alone = [
        answer(
            net,
            Inputs(
                given.images[at : at + 1],
                given.hints[at : at + 1],
                given.base[at : at + 1],
                given.place[at : at + 1],
                given.memory,
            ),
        )
        for at in range(3)
    ]
    close(answer(net, given), torch.cat(alone))


def test_structures_in_one_pass_are_answered_as_one_by_one() -> None:
    net, given = network(), inputs(structures=3)
    together = answer(net, given)
    for number in range(3):
        one = slice(number, number + 1)
        memory = tuple(replace(part, masks=part.masks[:, one]) for part in given.memory)
        alone = answer(
            net, Inputs(given.images, given.hints[:, one], given.base[:, one], given.place, memory)
        )
        close(together[:, 1 + number], alone[:, 1])


def test_what_is_remembered_matters_and_its_order_does_not() -> None:
    net, given = network(), inputs()
    (part,) = given.memory
    split = tuple(
        Remembered(part.images[at], part.masks[at], part.place[at], part.frame[at])
        for at in ([1], [0])
    )
    expected = answer(net, given)
    close(answer(net, replace(given, memory=split)), expected)
    without = answer(net, replace(given, memory=()))
    assert (without - expected).abs().max() > 0.01
    other = replace(part, masks=1 - part.masks)
    assert (answer(net, replace(given, memory=(other,))) - expected).abs().max() > 1e-3


def test_groups_may_have_different_sizes_and_frames_and_no_slices() -> None:
    net = network()
    first, second = remembered(2, 2, (16, 24)), remembered(1, 2, (9, 30), OTHER_SCAN)
    none = remembered(0, 2, (8, 8), NOWHERE)
    memory = (first, none, second)
    written = net.remember(memory)
    assert written is not None
    cells = 2 * 4 * 6 + 4 * 8  # 9 x 30 is padded to 16 x 32
    assert written.keys.shape == (cells, 2, 4)
    assert written.values.shape == (2, cells, 8)
    assert written.frame.tolist() == [SAME_SCAN] * 48 + [OTHER_SCAN] * 32
    assert torch.isfinite(answer(net, inputs(memory=memory))).all()
    assert net.remember((none,)) is None
    close(answer(net, inputs(memory=(none,))), answer(net, inputs(memory=())))


def test_a_memory_written_once_answers_as_one_written_each_time() -> None:
    net, given = network(), inputs()
    with torch.inference_mode():
        close(net.answer(given, net.remember(given.memory)), net(given))


def test_features_of_a_part_of_a_slice_are_those_of_the_slice() -> None:
    # 20 rows and 24 columns: encoded, they are 24 by 24, and half, a quarter, an eighth of that.
    levels = [
        torch.arange(side * side).reshape(1, 1, side, side).float() for side in (24, 12, 6, 3)
    ]
    full, half, quarter, eighth = cut(levels, slice(8, 20), slice(0, 16))
    assert torch.equal(full, levels[0][..., 8:24, :16])
    assert torch.equal(half, levels[1][..., 4:12, :8])
    assert torch.equal(quarter, levels[2][..., 2:6, :4])
    assert eighth.tolist() == [[[[3, 4], [6, 7]]]]


def test_of_several_channels_those_with_a_higher_score_count_more() -> None:
    net = network()
    slices = torch.rand(1, 2, 3, 16, 16)
    mean = net.encoder(slices)[0]
    alone = [net.encoder(slices[:, at : at + 1])[0] for at in range(2)]
    close(mean, (alone[0] + alone[1]) / 2)
    with torch.no_grad():
        net.encoder.scores[0].normal_()
    difference = torch.einsum("nchw,c->nhw", alone[0] - alone[1], net.encoder.scores[0])
    share = torch.sigmoid(difference)[:, None]
    close(net.encoder(slices)[0], share * alone[0] + (1 - share) * alone[1])


def test_channels_are_averaged() -> None:
    net, given = network(), inputs(channels=1)
    (part,) = given.memory
    doubled = replace(
        given,
        images=given.images.repeat(1, 2, 1, 1, 1),
        memory=(replace(part, images=part.images.repeat(1, 3, 1, 1, 1)),),
    )
    close(answer(net, doubled), answer(net, given))
    two = inputs(channels=2)
    close(answer(net, two), answer(net, replace(two, images=two.images.flip(1))))


def test_padding_is_remembered_as_not_looked_at() -> None:
    net = network()
    part = remembered(1, 2, (8, 8))
    cut = replace(part, images=part.images[..., :6], masks=part.masks[..., :6])
    # By hand: the image's last column repeated, the masks 0.
    image = torch.cat([cut.images, cut.images[..., -1:], cut.images[..., -1:]], dim=-1)
    masks = torch.cat([cut.masks, torch.zeros(1, 2, 2, 8, 2)], dim=-1)
    expected = net.remember((replace(part, images=image, masks=masks),))
    found = net.remember((cut,))
    assert found is not None
    assert expected is not None
    close(found.values, expected.values)
    close(found.keys, expected.keys)
    close(found.place, expected.place)


def test_pixels_beyond_the_slice_leave_the_answer_as_if_repeated() -> None:
    net, given = network(), inputs((13, 21), memory=())
    rows = torch.arange(16).clamp(max=12)
    columns = torch.arange(24).clamp(max=20)
    whole = Inputs(
        given.images[..., rows, :][..., columns],
        given.hints[..., rows, :][..., columns],
        given.base[..., rows, :][..., columns],
        given.place,
        (),
    )
    close(answer(net, given), answer(net, whole)[..., :13, :21])


def test_the_place_of_what_is_remembered_matters_unless_it_is_nowhere() -> None:
    net, given = network(), inputs()
    with torch.no_grad():
        net.reader.inplane.fill_(1.0)
    (part,) = given.memory
    far = part.place + torch.tensor([40.0, 0.0, 0.0]) * torch.arange(2)[:, None]
    moves = {SAME_SCAN: True, OTHER_SCAN: True, CROSSING: True, NOWHERE: False}
    for frame, differs in moves.items():
        frames = torch.full((2,), frame)
        near = answer(net, replace(given, memory=(replace(part, frame=frames),)))
        moved = answer(net, replace(given, memory=(replace(part, frame=frames, place=far),)))
        assert ((moved - near).abs().max() > 1e-3) == differs


def test_every_parameter_learns() -> None:
    net = network().train()
    given = inputs(channels=2)
    (part,) = given.memory
    frames = torch.tensor([SAME_SCAN, OTHER_SCAN])
    crossing = replace(part, frame=torch.full((2,), CROSSING), along=(2, 1))
    net(replace(given, memory=(crossing,))).square().mean().backward()
    net(replace(given, memory=(replace(part, frame=frames),))).square().mean().backward()
    net(replace(given, memory=())).square().mean().backward()
    without = [name for name, weight in net.named_parameters() if weight.grad is None]
    assert without == []
