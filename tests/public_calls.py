"""Every public function and method, with arguments that it takes. A new one without an entry fails.

``test_bad_input`` puts wrong arguments in the place of each of these.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields

import numpy as np

import picturedesk
from picturedesk.desk import Desk
from picturedesk.desk.auditing import AuditConfig
from picturedesk.heads.fusion import FusionConfig, FusionMLP
from picturedesk.learning.config import DeskConfig
from picturedesk.learning.training import TrainConfig, TrainingSet
from picturedesk.learning.training_pairs import TextFeatures, TrainingPairs, level_blocks
from picturedesk.store.catalogue.sqlite import SqliteCatalogue
from picturedesk.store.features import FeatureStore, Source
from picturedesk.testing import TinyTextEncoder, tiny_backbone
from picturedesk.texts.doc2vec import Doc2VecConfig, Doc2VecEncoder
from picturedesk.texts.joined import JoinedEncoder
from picturedesk.texts.lsa import LsaEncoder
from picturedesk.texts.sentences import SentenceEncoder
from picturedesk.types import Archive, Picture, Suggestion, Text, silent
from public_things import (
    Call,
    World,
    archive,
    doc2vec,
    feature_row,
    lsa,
    matcher_of_lsa,
    own,
    pairs,
    perceptron,
    pictures,
    sentences,
    text_features,
    texts,
    training_set,
)
from small_routes import SPEC, head, make_blend, make_features, make_fold, make_matcher, unit


def archive_vectors():
    return make_fold().archive


def parts_of(record):
    """The fields of a record, as arguments."""
    return {one.name: getattr(record, one.name) for one in fields(record)}


NO_NETWORK = DeskConfig(backbone="nosuch")
QUICK = TrainConfig(fusion=FusionConfig((3,)), epochs=1, threads=1)
IDS = np.arange(3)

CALLS: dict[str, Callable[[World], Call]] = {
    # the desk
    "Desk": lambda w: Call(Desk, {"path": w.desk_path, "catalogue": ""}),
    "Desk.close": lambda w: Call(w.desk().close),
    "Desk.fit": lambda w: Call(
        Desk.fit,
        {
            "archive": archive(),
            "path": w.path(),
            "config": NO_NETWORK,
            "progress": silent,
            "columns": None,
        },
        refused=True,
    ),
    "Desk.fit_report": lambda w: Call(
        Desk.fit_report,
        {
            "archive": archive(),
            "path": w.path(),
            "config": NO_NETWORK,
            "progress": silent,
            "columns": None,
        },
        refused=True,
    ),
    "Desk.suggest": lambda w: Call(
        w.desk().suggest,
        {
            "text": "a red circle",
            "k": 2,
            "route": "direct",
            "where": "",
            "min_confidence": 0.5,
            "diversity": 0.5,
            "fatigue": 14.0,
            "duplicates": False,
            "include": ["expired"],
            "territory": "DE",
            "today": "2026-11-26",
        },
    ),
    "Desk.similar": lambda w: Call(
        w.desk().similar,
        {
            "picture": "absent.jpg",
            "k": 2,
            "where": "",
            "diversity": 0.5,
            "fatigue": 14.0,
            "duplicates": False,
            "include": ["expired"],
            "territory": "DE",
            "today": "2026-11-26",
        },
        refused=True,
    ),
    "Desk.slots": lambda w: Call(
        w.desk().slots,
        {
            "text": "A red circle. A blue square.",
            "slots": 2,
            "k": 1,
            "route": "direct",
            "where": "",
            "fatigue": 14.0,
            "include": ["expired"],
            "territory": "DE",
            "today": "2026-11-26",
        },
    ),
    "Asked": lambda w: Call(
        picturedesk.Asked,
        {"texts": ["a red circle"], "like": ["a.jpg"], "unlike": ["b.jpg"], "keywords": ["red"]},
    ),
    "OrderConfig": lambda w: Call(
        picturedesk.OrderConfig,
        {"diversity": 0.5, "fatigue": 14.0, "duplicates": False, "today": "2024-05-31"},
    ),
    "Desk.explain": lambda w: Call(
        (desk := w.desk()).explain,
        {"text": "a red circle", "suggestions": desk.suggest("a red circle", k=1)},
    ),
    "Desk.tags": lambda w: Call(
        w.desk().tags, {"picture": ["absent.jpg"], "most": 3}, refused=True
    ),
    "Desk.texts": lambda w: Call(
        w.desk().texts, {"picture": "absent.jpg", "k": 3, "texts": ["a river"]}, refused=True
    ),
    "Desk.add": lambda w: Call(
        w.desk().add, {"pictures": [Picture("absent.jpg")], "progress": silent}
    ),
    "Desk.choose": lambda w: Call(
        w.desk().choose,
        {"text": "a", "picture": "absent.jpg", "rejected": ["b"], "who": "Ann", "time": "2026"},
        refused=True,
    ),
    "Desk.undo_choice": lambda w: Call(w.desk().undo_choice, {"number": 9}, refused=True),
    "Desk.choices": lambda w: Call(w.desk().choices, {"after": 0, "limit": 3}),
    "Desk.versions": lambda w: Call(w.desk().versions),
    "Desk.rollback": lambda w: Call(w.desk().rollback, {"number": 9}, refused=True),
    "Desk.refit": lambda w: Call(
        w.desk().refit, {"archive": "absent.csv", "progress": silent}, refused=True
    ),
    "Desk.optimize": lambda w: Call(w.desk().optimize, {}),
    "Desk.sync": lambda w: Call(
        w.desk().sync, {"folder": w.path(), "prune": False, "progress": silent}, refused=True
    ),
    "Desk.edit": lambda w: Call(
        w.desk().edit,
        {"pictures": [w.desk().list(k=1)[0].key], "changes": {"caption": "fog", "price": 3}},
    ),
    "Desk.rejected": lambda w: Call(w.desk().rejected),
    "Desk.remove": lambda w: Call(w.desk().remove, {"pictures": ["absent.jpg"], "where": ""}),
    "Desk.search": lambda w: Call(
        w.desk().search, {"words": "a red circle", "k": 2, "where": "uri <> ''"}
    ),
    "Desk.migrate": lambda w: Call(
        w.desk().migrate, {"to": "sqlite", "progress": silent}, refused=True
    ),
    "Desk.list": lambda w: Call(w.desk().list, {"where": "", "sort": "-date", "k": 2, "after": ""}),
    "Desk.evaluate": lambda w: Call(w.desk().evaluate, {"part": "nosuch"}, refused=True),
    "Desk.measure": lambda w: Call(w.desk().measure, {"part": "nosuch"}, refused=True),
    "Desk.write_report": lambda w: Call(w.desk().write_report, {"measured": None}, refused=True),
    "Desk.export_trec": lambda w: Call(
        w.desk().export_trec, {"folder": w.path(), "part": "nosuch"}, refused=True
    ),
    "Desk.audit": lambda w: Call(w.desk().audit, {"config": AuditConfig(asked=5)}),
    "Desk.embed_texts": lambda w: Call(
        w.desk().embed_texts, {"texts": ["a red circle"], "route": "direct"}
    ),
    "Desk.embed_pictures": lambda w: Call(
        w.desk().embed_pictures, {"pictures": ["absent.jpg"]}, refused=True
    ),
    "Desk.export": lambda w: Call(w.desk().export, {"folder": w.desk_path}, refused=True),
    "Desk.export_parquet": lambda w: Call(
        w.desk().export_parquet,
        {"path": w.path(".parquet"), "half": True, "progress": silent},
    ),
    "Desk.info": lambda w: Call(w.desk().info),
    "DeskConfig.of": lambda w: Call(DeskConfig.of, {"recipe": "paper"}),
    "DeskConfig.with_seed": lambda w: Call(DeskConfig().with_seed, {"seed": 3}),
    "describe": lambda w: Call(picturedesk.describe, {"path": w.desk_path}),
    "diagnose": lambda w: Call(picturedesk.diagnose, {"desk": w.desk_path}),
    # archives
    "open_archive": lambda w: Call(
        picturedesk.open_archive, {"path_or_spec": w.table(), "columns": None}, refused=True
    ),
    "open_pictures": lambda w: Call(
        picturedesk.open_pictures, {"path_or_spec": w.table(), "columns": None}, refused=True
    ),
    # backbones and features
    "Backbone": lambda w: Call(
        picturedesk.Backbone,
        {
            "name": "nosuch",
            "levels": ["final"],
            "weights": "random",
            "runner": "torch",
            "device": "cpu",
            "size": 64,
            "framing": "centre",
        },
        refused=True,
    ),
    "Backbone.of": lambda w: Call(
        picturedesk.Backbone.of,
        {
            "spec": (tiny := tiny_backbone()).spec,
            "runner": tiny.runner,
            "origin": tiny.origin,
            "classes": (),
        },
    ),
    "Backbone.load": lambda w: Call(
        picturedesk.Backbone.load, {"folder": w.desk_path / "backbone", "threads": 1}
    ),
    "Backbone.save": lambda w: Call(tiny_backbone().save, {"folder": w.path()}, refused=True),
    "Backbone.features": lambda w: Call(
        tiny_backbone().features, {"pixels": np.zeros((1, 3, 32, 32), dtype=np.float32)}
    ),
    "readable_levels": lambda w: Call(
        picturedesk.readable_levels, {"name": "nosuch"}, refused=True
    ),
    "extract": lambda w: Call(
        picturedesk.extract,
        {
            "uris": ["absent.jpg"],
            "backbone": tiny_backbone(),
            "store": w.store(),
            "config": picturedesk.ExtractConfig(decoders=1),
            "progress": silent,
        },
    ),
    "FeatureStore": lambda w: Call(FeatureStore, {"database": None, "spec": None}, refused=True),
    "FeatureStore.open": lambda w: Call(
        FeatureStore.open, {"path": w.path(".db"), "spec": tiny_backbone().spec}
    ),
    "FeatureStore.close": lambda w: Call(w.store().close),
    "FeatureStore.add": lambda w: Call(
        w.store().add, {"rows": [feature_row()], "sources": [Source("/b.jpg", 5, 6, "k0")]}
    ),
    "FeatureStore.remember": lambda w: Call(
        w.store().remember, {"sources": [Source("/b.jpg", 5, 6, "k0")]}
    ),
    "FeatureStore.lookup": lambda w: Call(
        w.store().lookup, {"path": "/a.jpg", "size": 5, "mtime_ns": 6}
    ),
    "FeatureStore.keys": lambda w: Call(w.store().keys),
    "FeatureStore.among": lambda w: Call(w.store().among, {"keys": ["k0"]}),
    "FeatureStore.read": lambda w: Call(w.store().read, {"keys": ["k0"], "levels": ["final"]}),
    "FeatureStore.rows": lambda w: Call(w.store().rows, {"keys": ["k0"]}),
    "FeatureStore.hashes": lambda w: Call(w.store().hashes, {"keys": ["k0"]}),
    "FeatureStore.facts": lambda w: Call(w.store().facts, {"keys": ["k0"]}),
    "FeatureStore.sizes": lambda w: Call(w.store().sizes, {"keys": ["k0"]}),
    # text encoders
    "Doc2VecEncoder": lambda w: Call(Doc2VecEncoder, {"stored": None}, refused=True),
    "Doc2VecEncoder.fit": lambda w: Call(
        Doc2VecEncoder.fit, {"texts": texts(), "config": Doc2VecConfig(width=2, epochs=1)}
    ),
    "Doc2VecEncoder.encode": lambda w: Call(doc2vec().encode, {"texts": texts()}),
    "Doc2VecEncoder.save": lambda w: Call(doc2vec().save, {"folder": w.path()}),
    "Doc2VecEncoder.load": lambda w: Call(Doc2VecEncoder.load, {"folder": w.saved(doc2vec())}),
    "JoinedEncoder": lambda w: Call(JoinedEncoder, {"parts": [TinyTextEncoder(4)]}),
    "JoinedEncoder.encode": lambda w: Call(JoinedEncoder([lsa()]).encode, {"texts": texts()}),
    "JoinedEncoder.join": lambda w: Call(
        JoinedEncoder([TinyTextEncoder(4)]).join, {"vectors": [unit(3, 4, 0)]}
    ),
    "JoinedEncoder.only": lambda w: Call(JoinedEncoder([lsa()]).only, {"places": [0]}),
    "JoinedEncoder.narrowed": lambda w: Call(
        JoinedEncoder([TinyTextEncoder(4)]).narrowed, {"vectors": unit(3, 4, 0), "places": [0]}
    ),
    "JoinedEncoder.save": lambda w: Call(JoinedEncoder([lsa()]).save, {"folder": w.path()}),
    "JoinedEncoder.load": lambda w: Call(
        JoinedEncoder.load, {"folder": w.saved(JoinedEncoder([lsa()]))}
    ),
    "load_text_encoder": lambda w: Call(picturedesk.load_text_encoder, {"folder": w.saved(lsa())}),
    "LsaEncoder": lambda w: Call(LsaEncoder, {"stored": None}, refused=True),
    "LsaEncoder.fit": lambda w: Call(LsaEncoder.fit, {"texts": texts(), "config": None}),
    "LsaEncoder.encode": lambda w: Call(lsa().encode, {"texts": texts()}),
    "LsaEncoder.word_shares": lambda w: Call(
        (encoder := lsa()).word_shares,
        {"text": "the sea", "direction": unit(1, encoder.width, 0)[0]},
    ),
    "LsaEncoder.arrays": lambda w: Call(lsa().arrays),
    "LsaEncoder.save": lambda w: Call(lsa().save, {"folder": w.path()}),
    "LsaEncoder.load": lambda w: Call(LsaEncoder.load, {"folder": w.saved(lsa())}),
    "SentenceEncoder": lambda w: Call(
        SentenceEncoder, {"config": None, "engine": sentences().engine}
    ),
    "SentenceEncoder.encode": lambda w: Call(sentences().encode, {"texts": texts()}),
    "SentenceEncoder.sentences": lambda w: Call(sentences().sentences, {"text": "One. Two."}),
    "SentenceEncoder.sentence_vectors": lambda w: Call(
        sentences().sentence_vectors, {"text": "One. Two."}
    ),
    "SentenceEncoder.weights": lambda w: Call(sentences().weights, {"count": 3}),
    "SentenceEncoder.sentence_shares": lambda w: Call(
        sentences().sentence_shares, {"text": "One.", "direction": np.ones(1, dtype=np.float32)}
    ),
    "SentenceEncoder.save": lambda w: Call(sentences().save, {"folder": w.path()}),
    "SentenceEncoder.load": lambda w: Call(
        SentenceEncoder.load, {"folder": w.path()}, refused=True
    ),
    "TransformerEngine": lambda w: Call(
        picturedesk.TransformerEngine, {"model": "nosuch", "device": "cpu"}, refused=True
    ),
    # heads
    "FusionMLP": lambda w: Call(
        FusionMLP,
        {"config": (mlp := perceptron()).config, "weights": mlp.weights, "biases": mlp.biases},
    ),
    "FusionMLP.initial": lambda w: Call(
        FusionMLP.initial,
        {
            "config": FusionConfig((3,)),
            "inputs": 4,
            "outputs": 2,
            "random": np.random.default_rng(0),
        },
    ),
    "FusionMLP.__call__": lambda w: Call(perceptron().__call__, {"features": unit(3, 4, 0)}),
    "FusionMLP.save": lambda w: Call(perceptron().save, {"folder": w.path()}),
    "FusionMLP.load": lambda w: Call(FusionMLP.load, {"folder": w.saved(perceptron())}),
    "FusionConfig.units": lambda w: Call(FusionConfig().units),
    "LinearHead": lambda w: Call(
        picturedesk.LinearHead,
        {"power": 1.0, "weights": unit(4, 2, 0), "bias": np.zeros(2, dtype=np.float32)},
    ),
    "LinearHead.__call__": lambda w: Call(head(4, 0).__call__, {"features": unit(3, 4, 0)}),
    "LinearHead.save": lambda w: Call(head(4, 0).save, {"folder": w.path()}),
    "LinearHead.load": lambda w: Call(picturedesk.LinearHead.load, {"folder": w.saved(head(4, 0))}),
    "Matcher": lambda w: Call(
        picturedesk.Matcher,
        {
            "text_encoder": (made := make_matcher()).text_encoder,
            "fusion": made.fusion,
            "backbone": made.backbone,
            "levels": made.levels,
            "text_head": made.text_head,
        },
    ),
    "Matcher.level_columns": lambda w: Call(make_matcher().level_columns),
    "Matcher.texts": lambda w: Call(matcher_of_lsa().texts, {"texts": texts()}),
    "Matcher.placed": lambda w: Call(make_matcher().placed, {"text_features": unit(2, 32, 0)}),
    "Matcher.pictures": lambda w: Call(make_matcher().pictures, {"features": make_features(2, 0)}),
    "Matcher.require": lambda w: Call(make_matcher().require, {"backbone": SPEC}),
    "Matcher.save": lambda w: Call(make_matcher().save, {"folder": w.path()}),
    "Matcher.load": lambda w: Call(picturedesk.Matcher.load, {"folder": w.saved(matcher_of_lsa())}),
    "train": lambda w: Call(
        picturedesk.train,
        {
            "training": training_set(),
            "validation": training_set(),
            "config": QUICK,
            "progress": silent,
        },
    ),
    "TrainingSet": lambda w: Call(TrainingSet, parts_of(training_set())),
    "TrainingSet.check": lambda w: Call(training_set().check, {"name": "a", "cure": "b"}),
    "TrainingPairs": lambda w: Call(TrainingPairs, parts_of(pairs())),
    "fit_best": lambda w: Call(
        picturedesk.fit_best,
        {
            "pairs": pairs(),
            "features": text_features(),
            "config": picturedesk.BestConfig(folds=2, ridges=((1.0, 1.0),)),
            "progress": silent,
        },
    ),
    "TextFeatures": lambda w: Call(
        TextFeatures,
        {"texts": texts(), "fit": None, "pretrained": {"tiny": TinyTextEncoder(4)}, "known": None},
    ),
    "TextFeatures.of": lambda w: Call(text_features().of, {"chosen": IDS}),
    "TextFeatures.fit": lambda w: Call(text_features().fit, {"chosen": IDS}),
    "TextFeatures.features": lambda w: Call(
        text_features().features, {"encoder": JoinedEncoder([TinyTextEncoder(8)]), "rows": IDS}
    ),
    "TextFeatures.only": lambda w: Call(text_features().only, {"names": ["tiny"]}),
    "TextFeatures.columns_of": lambda w: Call(
        text_features().columns_of,
        {"encoder": JoinedEncoder([TinyTextEncoder(8)]), "name": "tiny"},
    ),
    "level_blocks": lambda w: Call(level_blocks, {"spec": SPEC, "levels": ["final"]}),
    "BackboneSpec.columns": lambda w: Call(SPEC.columns, {"level": "final"}),
    # routes and catalogue
    "ArchiveVectors": lambda w: Call(
        picturedesk.ArchiveVectors,
        {"texts": unit(3, 4, 0), "pictures": unit(3, 4, 1), "links": own(3), "groups": None},
    ),
    "Blend": lambda w: Call(
        picturedesk.Blend,
        {
            "matcher": (blend := make_blend()).matcher,
            "routes": blend.routes,
            "weights": blend.weights,
            "default": "blend",
            "confidence": None,
            "recipe": "best",
            "references": None,
            "texts": None,
        },
    ),
    "Blend.weights_of": lambda w: Call(make_blend().weights_of, {"route": "direct"}),
    "Blend.store": lambda w: Call(make_blend().store, {"pictures": None}, refused=True),
    "Blend.vectors": lambda w: Call(make_blend().vectors, {"pictures": None}, refused=True),
    "Blend.ask": lambda w: Call(make_blend().ask, {"queries": None}, refused=True),
    "Blend.save": lambda w: Call(make_blend().save, {"folder": w.path()}),
    "Blend.load": lambda w: Call(
        picturedesk.Blend.load,
        {"folder": w.saved(blend := make_blend()), "matcher": blend.matcher, "plans": ()},
    ),
    "Pictures": lambda w: Call(
        picturedesk.Pictures,
        {"matcher": make_matcher(), "keys": ["a"], "features": make_features(1, 0), "captions": ()},
    ),
    "Queries": lambda w: Call(
        picturedesk.Queries,
        {
            "matcher": make_matcher(),
            "texts": ["a"],
            "features": unit(1, 32, 0),
            "archive": archive_vectors(),
        },
    ),
    "search": lambda w: Call(
        picturedesk.search,
        {
            "blend": make_blend(),
            "catalogue": w.catalogue(),
            "queries": None,
            "k": 3,
            "route": "direct",
            "where": "",
            "config": picturedesk.SearchConfig(),
            "weights": None,
        },
        refused=True,
    ),
    "open_catalogue": lambda w: Call(
        picturedesk.open_catalogue, {"path": w.path(".db"), "fingerprint": "f", "width": 4}
    ),
    "SqliteCatalogue": lambda w: Call(SqliteCatalogue, {"file": None}, refused=True),
    "SqliteCatalogue.open": lambda w: Call(
        SqliteCatalogue.open, {"path": w.path(".db"), "fingerprint": "f", "width": 4}
    ),
    "SqliteCatalogue.close": lambda w: Call(w.catalogue().close),
    "SqliteCatalogue.add": lambda w: Call(
        w.catalogue().add, {"pictures": pictures(), "vectors": np.eye(4, dtype=np.float32)}
    ),
    "SqliteCatalogue.optimize": lambda w: Call(
        w.catalogue().optimize, {"queries": unit(1, 4, 0), "only_if_needed": False}
    ),
    "SqliteCatalogue.recall": lambda w: Call(
        w.catalogue().recall, {"queries": unit(1, 4, 0), "k": 3}
    ),
    "SqliteCatalogue.remove": lambda w: Call(w.catalogue().remove, {"keys": ["k0"]}),
    "SqliteCatalogue.replace_all": lambda w: Call(
        w.catalogue().replace_all,
        {
            "pictures": pictures(),
            "vectors": np.eye(4, dtype=np.float32),
            "fingerprint": "g",
            "added": ["k0"],
            "named": {"k0": ["caption"]},
            "kept_out": ["k9"],
        },
    ),
    "SqliteCatalogue.update": lambda w: Call(
        w.catalogue().update, {"pictures": [Picture("a.jpg", "k0", "new")]}
    ),
    "SqliteCatalogue.change": lambda w: Call(
        w.catalogue().change, {"changes": picturedesk.Changes(removed=["k0"])}
    ),
    "SqliteCatalogue.mentioning": lambda w: Call(
        w.catalogue().mentioning, {"words": ["word1"], "k": 2, "where": ""}
    ),
    "SqliteCatalogue.find": lambda w: Call(w.catalogue().find, {"keys": ["k0"]}),
    "SqliteCatalogue.page": lambda w: Call(
        w.catalogue().page, {"where": "", "order": "date", "after": "k0", "limit": 2}
    ),
    "SqliteCatalogue.columns": lambda w: Call(w.catalogue().columns),
    "SqliteCatalogue.places": lambda w: Call(w.catalogue().places),
    "SqliteCatalogue.named": lambda w: Call(w.catalogue().named),
    "SqliteCatalogue.kept_out": lambda w: Call(w.catalogue().kept_out),
    "SqliteCatalogue.highest": lambda w: Call(
        w.catalogue().highest, {"queries": np.eye(4, dtype=np.float32), "k": 2}
    ),
    "SqliteCatalogue.nearest": lambda w: Call(
        w.catalogue().nearest, {"queries": np.eye(4, dtype=np.float32), "k": 2, "where": ""}
    ),
    "SqliteCatalogue.matching": lambda w: Call(
        w.catalogue().matching, {"words": ["word1"], "k": 2, "where": ""}
    ),
    "SqliteCatalogue.word_scores": lambda w: Call(
        w.catalogue().word_scores, {"words": ["word1"], "keys": ["k0"]}
    ),
    "SqliteCatalogue.fetch": lambda w: Call(w.catalogue().fetch, {"keys": ["k0"]}),
    "SqliteCatalogue.sample": lambda w: Call(w.catalogue().sample, {"count": 2, "where": ""}),
    "SqliteCatalogue.keys": lambda w: Call(w.catalogue().keys, {"after": "", "limit": 2}),
    "SqliteCatalogue.added": lambda w: Call(w.catalogue().added, {"after": "", "limit": 2}),
    "SqliteCatalogue.count": lambda w: Call(w.catalogue().count, {"where": ""}),
    # measuring and research
    "evaluate": lambda w: Call(
        picturedesk.evaluate, {"scores": {"a": unit(3, 3, 0)}, "relevant": own(3), "ks": (1, 5)}
    ),
    "Evaluation.row": lambda w: Call(
        picturedesk.evaluate({"a": unit(3, 3, 0)}, own(3)).row,
        {"name": "a", "direction": "text → picture"},
    ),
    "paired_difference": lambda w: Call(
        picturedesk.paired_difference,
        {"a": np.ones(5), "b": np.zeros(5), "groups": None, "seed": 0, "resamples": 50},
    ),
    "score_run": lambda w: Call(
        picturedesk.score_run, {"run": w.path(), "qrels": w.path()}, refused=True
    ),
    "advise_on": lambda w: Call(
        picturedesk.advise_on,
        {
            "archive": archive(),
            "cache": w.path(),
            "config": picturedesk.ChoiceConfig(picturedesk.NetworkConfig("nosuch")),
            "encoders": picturedesk.TextEncoders(None, {"tiny": TinyTextEncoder(4)}),
            "progress": silent,
        },
        refused=True,
    ),
    "advise_on_networks": lambda w: Call(
        picturedesk.advise_on_networks,
        {
            "archive": archive(),
            "cache": w.path(),
            "names": ["nosuch", "nosuch@64"],
            "config": picturedesk.ChoiceConfig(),
            "encoders": picturedesk.TextEncoders(None, {"tiny": TinyTextEncoder(4)}),
            "progress": silent,
        },
        refused=True,
    ),
    "ChoiceConfig.with_seed": lambda w: Call(picturedesk.ChoiceConfig().with_seed, {"seed": 3}),
    "NetworkConfig.backbone": lambda w: Call(
        picturedesk.NetworkConfig("nosuch").backbone, {"levels": ["final"]}, refused=True
    ),
    "BestConfig.with_ridges": lambda w: Call(
        picturedesk.BestConfig().with_ridges, {"ridges": (1.0, 1.0)}
    ),
    "reproduce": lambda w: Call(
        picturedesk.reproduce,
        {"data": str(w.table()), "out": w.path(), "config": None, "progress": silent},
        refused=True,
    ),
    "Suggestion": lambda w: Call(
        Suggestion,
        {
            "picture": Picture("a.jpg"),
            "score": 0.5,
            "route": "direct",
            "rank": 1,
            "evidence": (),
            "found": 0.5,
            "match": "fair",
            "others": 1,
            "other_keys": ("k",),
        },
    ),
    "Picture": lambda w: Call(
        Picture,
        {"uri": "a", "key": "", "caption": "", "credit": "", "licence": "", "date": "", "tags": ()},
    ),
    "RankedText": lambda w: Call(
        picturedesk.RankedText,
        {"text": "A sea.", "score": 0.5, "route": "direct", "rank": 1, "id": ""},
    ),
    "Tag": lambda w: Call(picturedesk.Tag, {"word": "sea", "probability": 0.5}),
    "Text": lambda w: Call(Text, {"id": "1", "body": "A story.", "title": ""}),
    "Archive": lambda w: Call(Archive, parts_of(archive())),
}

# They take what the functions above have checked, or what only the package itself makes.
INSIDE = {
    *("LsaEncoder.knows", "Doc2VecEncoder.knows"),
    *("QueryVectors.of", "Rows.of", "Rows.best", "Rows.one_each", "Pool.of", "Pool.shares"),
    *(
        "Pool.beside",
        "Pool.ranks",
        "Confidence.from_json",
        "Confidence.of_words",
        "Confidence.judge",
    ),
    *(
        "Queries.neighbours",
        "Queries.of",
        "Queries.some",
        "Blend.matches",
        "Blend.judge",
        "Matcher.heads_of",
    ),
    *("Pictures.level", "Pictures.some", "Blend.combined", "Blend.scores", "Blend.exact_scores"),
    "Blend.text_scores",
    *("ArchiveVectors.links_of", "ArchiveVectors.neighbours", "ArchiveVectors.nearest_text"),
    *("TrainingPairs.pictures_of", "BackboneSpec.from_json", "Advice.set_of", "Suggestions"),
    *("NetworkAdvice.score_of", "TextEncoders.features"),
    "Picture.stored",
    *("TransformerEngine.restored", "TransformerEngine.encode", "TransformerEngine.arrays"),
    *("ReproduceConfig.training", "TextEncoders.default", "RetrievalScores.as_row"),
    *("Evaluation.as_json", "Evaluation.tables", "Measured.as_json", "Reliability.as_json"),
    *(
        "Suggestions.copy",
        "DecodePolicy.pixels",
        "TrecScores.as_row",
        "ExtractConfig.of",
    ),
    *(
        f"{plan}.{method}"
        for plan in ("CaptionsPlan", "ClassNamesPlan", "DirectPlan", "HubnessPlan", "ZeroShotPlan")
        for method in ("fit", "restore")
    ),
    *(f"{plan}.{m}" for plan in ("SeenWordsPlan", "TowersPlan") for m in ("fit", "on", "restore")),
    *(f"{plan}.{m}" for plan in ("NearestTextPlan", "TransferPlan") for m in ("fit", "restore")),
}
