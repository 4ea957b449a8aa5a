"""Readings of the extra losses: what goes through the trunk, who gets a gradient, and what is the same."""

import copy

import pytest
import torch
from pydantic import ValidationError

from objectcrop.ssl.losses.object_aware import rotate_objects
from objectcrop.study.settings.losses import LossSettings
from objectcrop.study.settings.runs import Run
from tests.ssl.wiring import OBJECT_PAIR, batch_of, build, images, ready

MIXED = {"query_tags": (0, 1, 1, 1), "key_tags": (1, 0, 0, 0)}
BOTH = {"rotation": 1.0, "localization": 1.0}
PLAIN = {"projector_batch_norm": False, "batch_norm_group": 0}


@pytest.fixture(autouse=True)
def _float64(monkeypatch):
    """Batch norm over two values blows rounding up."""
    monkeypatch.setattr("objectcrop.networks.backbones.normalise", ready)


def method_with(request_of, losses, name="moco_v2", **moco):
    losses = {"patches": 3, **losses}
    return build(request_of, name, views=OBJECT_PAIR, losses=losses, moco={**PLAIN, **moco})


def passes_of(method, batch):
    """Images and side of each pass through the trained trunk in a step."""
    passes = []
    hook = method.backbone.conv1.register_forward_hook(
        lambda module, inputs, outputs: passes.append((len(inputs[0]), inputs[0].shape[2]))
    )
    losses = method.step_losses(batch, 0)
    hook.remove()
    losses.total.backward()
    return passes


QUERY = KEY = ROTATED = WHOLE = (4, 32)


@pytest.mark.parametrize(
    ("losses", "passes"),
    [
        (BOTH, [QUERY, KEY, ROTATED, WHOLE]),
        ({"rotation": 1.0}, [QUERY, KEY, ROTATED]),
        (BOTH | {"rotate_contrastive": True}, [QUERY, KEY, WHOLE]),
        (BOTH | {"key_features": "key_encoder"}, [QUERY, ROTATED, WHOLE]),
        (BOTH | {"key_features": "key_encoder", "rotate_contrastive": True}, [QUERY, WHOLE]),
        ({"rotation": 1.0, "key_features": "key_encoder", "rotate_contrastive": True}, [QUERY]),
        (BOTH | {"key_rows": "needed"}, [QUERY, KEY, ROTATED, WHOLE]),
        ({"rotation": 1.0, "key_rows": "needed"}, [QUERY, (1, 32), ROTATED]),
        ({"localization": 1.0, "key_rows": "needed"}, [QUERY, (3, 32), WHOLE]),
        ({"rotation": 1.0, "key_rows": "needed", "rotate_contrastive": True}, [QUERY, KEY]),
        (BOTH | {"whole_size_px": 64}, [QUERY, KEY, ROTATED, (4, 64)]),
        (BOTH | {"passes": "merged"}, [(16, 32)]),
        (BOTH | {"passes": "merged", "whole_size_px": 64}, [(12, 32), (4, 64)]),
        ({"rotation": 1.0, "passes": "merged", "key_rows": "needed"}, [(9, 32)]),
    ],
)
def test_passes_through_the_trained_trunk_and_everyone_who_is_trained_gets_a_gradient(request_of, losses, passes):
    method, batch = method_with(request_of, losses), batch_of(**MIXED)
    if "whole_size_px" in losses:
        batch = batch._replace(whole=images(3, 4, 64, 64))
    assert passes_of(method, batch) == passes
    for name, parameter in method.network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name
    assert all(parameter.grad is None for parameter in method.key_encoder.parameters())


def test_no_key_has_a_pass_where_the_query_is_always_the_object(request_of):
    method = method_with(request_of, {"localization": 1.0, "key_rows": "needed"})
    assert passes_of(method, batch_of(query_tags=(0,) * 4, key_tags=(1,) * 4)) == [QUERY, WHOLE]


def test_features_of_the_key_encoder_bring_no_gradient_of_the_scene(request_of):
    """All queries are object views and all losses see them rotated: then the trunk's gradient is the query's alone."""
    settings = {"rotation": 1.0, "rotate_contrastive": True}
    batch, captured = batch_of(query_tags=(0,) * 4, key_tags=(1,) * 4), {}
    method = method_with(request_of, settings | {"key_features": "key_encoder"})
    method.network.extra.rotation.register_forward_pre_hook(lambda module, inputs: captured.update(inputs=inputs))
    expected = copy.deepcopy(method)
    method.step_losses(batch, 0)
    rotated, scenes = captured["inputs"]
    weights = method.backbone.conv1.weight
    of_object, of_scene = (torch.autograd.grad(some.sum(), weights, retain_graph=True)[0] for some in (rotated, scenes))
    assert of_object.abs().sum() > 0
    assert of_scene.abs().sum() == 0
    expected.update_key_encoder()
    # of one group of batch norm, the order of the keys does not matter
    torch.testing.assert_close(scenes, expected.key_encoder.backbone.view(batch.key).features, rtol=1e-9, atol=1e-10)


def test_keys_are_the_same_whether_they_are_encoded_before_the_queries_or_after(request_of):
    ours, theirs = (method_with(request_of, BOTH | changed) for changed in ({}, {"key_features": "key_encoder"}))
    for method in (ours, theirs):
        method.step_losses(batch_of(**MIXED), 0)
        method.after_step(0, 1)
    assert torch.equal(ours.queue.keys, theirs.queue.keys)


def test_every_loss_sees_the_object_view_rotated(request_of):
    batch = batch_of(**MIXED)
    rotated = rotate_objects(batch)
    for row, quarter in enumerate(batch.rotation.tolist()):
        is_query = batch.query_tags[row] == 0
        for name, turned in (("query", is_query), ("key", not is_query)):
            image, seen = getattr(batch, name)[row], getattr(rotated, name)[row]
            assert torch.equal(seen, torch.rot90(image, quarter if turned else 0, dims=(0, 1)))
    losses = {"rotation": 1.0, "key_features": "key_encoder"}
    ours = method_with(request_of, losses | {"rotate_contrastive": True})
    theirs = method_with(request_of, losses)
    parts = [
        method.step_losses(some, 0).parts["loss_contrastive"].item()
        for method, some in ((ours, batch), (theirs, rotated))
    ]
    assert parts[0] == parts[1] != theirs.step_losses(batch, 1).parts["loss_contrastive"].item()


def test_keys_that_other_processes_load_are_rotated_too():
    batch = batch_of(**MIXED)._replace(
        shuffled_key=images(9, 4, 32, 32), shuffled_key_rotation=torch.tensor([3, 0, 1, 2])
    )
    expected = [
        torch.rot90(image, quarter, dims=(0, 1))
        for image, quarter in zip(batch.shuffled_key, (3, 0, 1, 2), strict=True)
    ]
    assert torch.equal(rotate_objects(batch).shuffled_key, torch.stack(expected))


@pytest.mark.parametrize("name", ["moco_v2", "densecl"])
@pytest.mark.parametrize(
    "losses", [BOTH, {"rotation": 1.0, "key_rows": "needed"}, BOTH | {"key_features": "key_encoder"}]
)
def test_one_merged_pass_has_the_outputs_of_several(request_of, name, losses):
    separate, merged = (
        method_with(request_of, losses | changed, name, batch_norm_group=2) for changed in ({}, {"passes": "merged"})
    )
    results = [method.step_losses(batch_of(**MIXED), 0) for method in (separate, merged)]
    for part, value in results[0].parts.items():
        assert torch.equal(value, results[1].parts[part]) or value.isnan(), part
    for (key, value), other in zip(separate.named_buffers(), merged.buffers(), strict=True):
        assert torch.equal(value, other), key
    for losses_ in results:
        losses_.total.backward()
    for (key, value), other in zip(separate.network.named_parameters(), merged.network.parameters(), strict=True):
        torch.testing.assert_close(value.grad, other.grad, rtol=1e-7, atol=1e-9, msg=key)


def test_rows_that_no_loss_reads_change_nothing(request_of):
    """In evaluation mode no row depends on the others."""
    parts = []
    for rows in ("all", "needed"):
        method = method_with(request_of, {"rotation": 1.0, "key_rows": rows}).eval()
        parts.append(method.step_losses(batch_of(**MIXED), 0).parts)
    for name, value in parts[0].items():
        assert value.item() == pytest.approx(parts[1][name].item(), abs=1e-12, nan_ok=True), name


def test_first_values_leave_no_mark_on_what_is_recorded():
    assert set(LossSettings(rotation=1.0).model_dump(mode="json")) == {"rotation", "localization", "patches"}
    changed = LossSettings(rotation=1.0, rotate_contrastive=True, passes="merged", localization=1.0, whole_size_px=112)
    assert {"rotate_contrastive", "passes", "whole_size_px"} < set(changed.model_dump(mode="json"))


@pytest.mark.parametrize(
    ("method", "losses", "place", "problem"),
    [
        ("moco_v2", {"localization": 1.0, "rotate_contrastive": True}, "rotate_contrastive", "needs the rotation loss"),
        ("moco_v2", {"rotation": 1.0, "whole_size_px": 112}, "whole_size_px", "needs the localization loss"),
        ("moco_v2", {"passes": "merged"}, "passes", "needs an extra loss"),
        ("byol", {"rotation": 1.0, "passes": "merged"}, "passes", "byol has no key encoder, moco_v2 and densecl have"),
        ("swav", {"rotation": 1.0, "key_features": "key_encoder"}, "key_features", "swav has no key encoder"),
        ("cmc", {"rotation": 1.0, "key_rows": "needed"}, "key_rows", "cmc has no key encoder"),
        (
            "densecl",
            {"rotation": 1.0, "key_rows": "needed", "key_features": "key_encoder"},
            "key_rows",
            "makes no pass of the key",
        ),
    ],
)
def test_what_would_have_no_effect_is_a_problem(method, losses, place, problem):
    with pytest.raises(ValidationError, match=rf"losses\.{place}: .*{problem}"):
        Run.model_validate({"dataset": "d", "method": method, "losses": losses})
