"""Heads: who reads which view."""

import pytest
import torch

from objectcrop.networks.heads import PerViewHeads, build_bank_head, build_projector
from objectcrop.ssl.losses.object_aware import PairHead
from objectcrop.study.settings.methods import CmcSettings, InsdisSettings
from objectcrop.study.settings.runs import MocoSettings


def test_each_row_goes_through_the_head_of_its_tag():
    torch.manual_seed(0)
    projector = PerViewHeads(lambda: torch.nn.Linear(6, 3))
    features, tags = torch.randn(7, 6), torch.tensor([0, 1, 1, 0, 1, 0, 0])
    embeddings = projector(features, tags)
    for row, tag in enumerate(tags.tolist()):
        torch.testing.assert_close(embeddings[row], projector.heads[tag](features[row]))


def test_a_head_gets_its_gradient_from_its_own_tag_only():
    projector = build_projector(6, MocoSettings(heads="per_view", embedding_dims=4))
    embeddings = projector(torch.randn(5, 6), torch.tensor([0, 1, 0, 1, 1]))
    embeddings[[0, 2]].square().sum().backward()
    assert all(p.grad.abs().sum() > 0 for p in projector.heads[0].parameters())
    assert all(p.grad.abs().sum() == 0 for p in projector.heads[1].parameters())


def test_a_head_without_rows_still_has_gradients_for_distributed_training():
    projector = build_projector(6, MocoSettings(heads="per_view", projector_batch_norm=True, batch_norm_group=2))
    projector(torch.randn(4, 6), torch.zeros(4, dtype=torch.long)).sum().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in projector.parameters())


def test_the_shared_projector_is_moco_v2s():
    projector = build_projector(6, MocoSettings())
    assert [tuple(p.shape) for p in projector.parameters()] == [(6, 6), (6,), (128, 6), (128,)]
    assert not list(projector.buffers())


def test_a_pair_head_distinguishes_its_inputs():
    torch.manual_seed(0)
    head = PairHead(6, 4)
    first, second = torch.randn(2, 6), torch.randn(2, 6)
    assert head(first, second).shape == (2, 4)
    assert not torch.allclose(head(first, second), head(second, first))


@pytest.mark.parametrize("settings", [CmcSettings, InsdisSettings])
def test_a_bank_head_is_linear_and_its_option_takes_out_what_all_images_share(settings):
    torch.manual_seed(0)
    features, tags = torch.randn(32, 6) + 10, torch.zeros(32, dtype=torch.long)
    plain = build_bank_head(6, settings(embedding_dims=4))
    assert [tuple(p.shape) for p in plain.parameters()] == [(4, 6), (4,)]
    likeness = torch.nn.functional.normalize(plain(features, tags), dim=1)
    assert (likeness @ likeness.T).mean() > 0.5
    embeddings = build_bank_head(6, settings(embedding_dims=4, head_batch_norm=True))(features, tags)
    torch.testing.assert_close(embeddings.mean(dim=0), torch.zeros(4), atol=1e-5, rtol=0)
    torch.testing.assert_close(embeddings.var(dim=0, correction=0), torch.ones(4), atol=1e-3, rtol=0)


def test_bank_heads_of_each_tag_stand_a_batch_of_one_tag_with_batch_norm():
    head = build_bank_head(6, CmcSettings(embedding_dims=4, heads="per_view", head_batch_norm=True))
    head(torch.randn(4, 6), torch.zeros(4, dtype=torch.long)).sum().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in head.parameters())
