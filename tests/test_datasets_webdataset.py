import gzip
import json
import os
import tracemalloc

import pytest

from dataset_files import img2dataset_sample, picture_bytes, write_tar
from picturedesk.datasets import absolute_spec, open_archive, open_pictures
from picturedesk.errors import BadInput
from picturedesk.images import decode, read_picture


def said(archive):
    return [(text.id, text.body) for text in archive.texts]


def faults(archive):
    return [(os.path.basename(r.source), r.reason) for r in archive.rejections]


def write_img2dataset(root):
    """Two shards with what img2dataset puts beside them."""
    for shard in range(2):
        samples = [
            img2dataset_sample(f"{shard:05d}{n:04d}", f"Picture {n} of {shard}", license="cc0")
            for n in range(3)
        ]
        write_tar(root / f"{shard:05d}.tar", [member for s in samples for member in s])
        (root / f"{shard:05d}.parquet").write_bytes(b"PAR1")
        (root / f"{shard:05d}_stats.json").write_text("{}")
    return root


def test_shards_of_img2dataset_are_read(tmp_path):
    archive = open_archive(f"webdataset:{write_img2dataset(tmp_path)}")
    assert said(archive)[2:4] == [
        ("00000.tar!000000002#0", "Picture 2 of 0"),
        ("00001.tar!000010000#0", "Picture 0 of 1"),
    ]
    assert archive.links.tolist() == [[n, n] for n in range(6)]
    assert archive.parts == ("",) * 6
    assert archive.pictures[3].uri == f"{tmp_path}/00001.tar!000010000.jpg"
    assert archive.pictures[3].licence == "cc0"
    assert archive.name == tmp_path.name
    assert archive.rejections == ()


def test_pictures_are_read_from_the_shards_and_nothing_is_unpacked(tmp_path):
    archive = open_archive(f"webdataset:{write_img2dataset(tmp_path)}")
    before = sorted(os.listdir(tmp_path))
    for picture in archive.pictures:
        assert decode(read_picture(picture.uri), picture.uri).size == (4, 4)
    assert sorted(os.listdir(tmp_path)) == before


def test_one_shard_may_be_named(tmp_path):
    path = write_img2dataset(tmp_path) / "00001.tar"
    archive = open_archive(f"webdataset:{path}")
    assert said(archive)[0] == ("00001.tar!000010000#0", "Picture 0 of 1")
    assert archive.name == "00001.tar"
    assert len(open_pictures(f"webdataset:{path}")[0]) == 3


def test_shards_are_named_by_numbers_in_braces(tmp_path):
    write_img2dataset(tmp_path)
    pattern = f"{tmp_path}/{{00000..00001}}.tar"
    archive = open_archive(pattern)
    assert said(archive)[2:4] == [
        ("00000.tar!000000002#0", "Picture 2 of 0"),
        ("00001.tar!000010000#0", "Picture 0 of 1"),
    ]
    assert archive.pictures[3].uri == f"{tmp_path}/00001.tar!000010000.jpg"
    assert said(open_archive(f"webdataset:{pattern}")) == said(archive)
    assert len(open_pictures(pattern)[0]) == 6
    assert absolute_spec(pattern) == f"webdataset:{pattern}"
    two = write_tar(tmp_path / "1-07.tar", img2dataset_sample("7", "The seventh"))
    assert said(open_archive(f"{tmp_path}/{{1..1}}-{{07..07}}.tar"))[0][1] == "The seventh"
    two.unlink()


def test_a_pattern_with_missing_shards_is_refused(tmp_path):
    write_img2dataset(tmp_path)
    with pytest.raises(BadInput, match=r"2 of 4 shards .* the first: .*/00002\.tar"):
        open_archive(f"{tmp_path}/{{00000..00003}}.tar")
    with pytest.raises(BadInput, match="ends before it begins"):
        open_archive(f"{tmp_path}/{{3..1}}.tar")
    with pytest.raises(BadInput, match="more than 100,000 shards"):
        open_archive(f"{tmp_path}/{{0..999999}}.tar")


def test_a_folder_of_shards_and_a_shard_need_no_kind(tmp_path):
    write_img2dataset(tmp_path)
    assert len(open_archive(tmp_path).texts) == 6
    assert len(open_archive(tmp_path / "00001.tar").texts) == 3
    assert len(open_pictures(tmp_path)[0]) == 6
    assert len(open_pictures(tmp_path / "00001.tar")[0]) == 3


def test_the_same_key_in_two_shards_is_two_samples(tmp_path):
    for name in ("a/0.tar", "b/0.tar"):
        write_tar(tmp_path / name, img2dataset_sample("7", f"of {name}"))
    archive = open_archive(f"webdataset:{tmp_path}")
    assert said(archive) == [("a/0.tar!7#0", "of a/0.tar"), ("b/0.tar!7#0", "of b/0.tar")]
    assert len({picture.uri for picture in archive.pictures}) == 2


def test_a_sample_may_have_several_pictures_and_its_members_lie_apart(tmp_path):
    members = [
        ("1.jpg", b"a"),
        ("2.WEBP", b"b"),
        ("1.png", b"c"),
        ("2.txt", "Two"),
        ("1.txt", "One"),
    ]
    archive = open_archive(f"webdataset:{write_tar(tmp_path / '0.tar', members)}")
    assert said(archive) == [("0.tar!1#0", "One"), ("0.tar!2#0", "Two")]
    assert archive.links.tolist() == [[0, 0], [0, 1], [1, 2]]


@pytest.mark.parametrize(
    ("about", "text", "captions"),
    [
        ({"captions": ["A dog .", " A cat .", "", "A dog ."]}, "ignored", ["A dog .", "A cat ."]),
        ({"caption": ["A dog ."], "url": "u"}, "", ["A dog ."]),
        ({"caption": "Cut of", "url": "u"}, "Cut off\n", ["Cut off"]),
        ({"caption": "A dog ."}, "", ["A dog ."]),
        ({"caption": None, "text": "A dog ."}, None, ["A dog ."]),
        ({}, "A dog .", ["A dog ."]),
    ],
)
def test_captions_come_from_the_text_or_the_json(tmp_path, about, text, captions):
    members = [("1.jpg", picture_bytes()), ("1.json", json.dumps(about))]
    members += [("1.txt", text)] if text is not None else []
    archive = open_archive(f"webdataset:{write_tar(tmp_path / '0.tar', members)}")
    assert said(archive) == [(f"0.tar!1#{n}", caption) for n, caption in enumerate(captions)]


def test_the_json_says_what_is_known_of_the_picture(tmp_path):
    sample = img2dataset_sample(
        "1", "A ship", license="cc-by", photographer="Ann", keywords=["sea", "sky"]
    )
    (picture,) = open_archive(f"webdataset:{write_tar(tmp_path / '0.tar', sample)}").pictures
    assert (picture.credit, picture.licence, picture.tags) == ("Ann", "cc-by", ("sea", "sky"))


def test_odd_names_are_harmless(tmp_path):
    keys = ["../../up", "/etc/abs", "./here", "a b/ü", "x.y"]
    members = [m for key in keys for m in ((f"{key}.jpg", picture_bytes()), (f"{key}.txt", key))]
    members += [(".hidden.jpg", b""), ("no_suffix", b""), ("1.seg.png", b""), ("1.cls", b"3")]
    archive = open_archive(f"webdataset:{write_tar(tmp_path / '0.tar', members)}")
    assert [body for _, body in said(archive)] == keys[:4]  # the key of "x.y.jpg" is "x"
    for picture in archive.pictures:
        assert read_picture(picture.uri) == picture_bytes()
    assert os.listdir(tmp_path) == ["0.tar"]


def test_faults_are_reported_and_left_out(tmp_path):
    samples = [
        *img2dataset_sample("1", "Kept"),
        ("mute.jpg", b"a"),
        ("mute2.jpg", b"a"),
        ("mute2.txt", " \n"),
        ("blind.txt", "No picture"),
        ("alone.json", "{}"),
        ("1.jpg", b"again"),
        ("2.jpg", b"b"),
        ("2.json", "{broken"),
        ("2.txt", "Two"),
        ("3.jpg", b"c"),
        ("3.json", "[1]"),
        ("3.txt", b"caf\xe9"),
        ("4.jpg", b"d"),
        ("4.json", json.dumps({"license": {"a": 1}, "captions": [["Four"], 4]})),
        ("5.jpg", b"e"),
        ("5.json", json.dumps({"license": {"a": 1}, "caption": "Five"})),
    ]
    archive = open_archive(f"webdataset:{write_tar(tmp_path / '0.tar', samples)}")
    assert [body for _, body in said(archive)] == ["Kept", "Two", "Five"]
    found = faults(archive)
    assert found[0] == ("0.tar!1.jpg", "occurs twice; the first one is used")
    assert found[1][0] == "0.tar!2.json"
    assert found[1][1].startswith("is not JSON: Expecting property name")
    assert found[2:] == [
        ("0.tar!3.json", "is not a JSON object"),
        ("0.tar!3.txt", "is not UTF-8 (byte 3)"),
        ("0.tar!4", "column 'captions' holds a list"),
        ("0.tar!5.jpg", "its JSON: column 'licence' holds a dict"),
        ("0.tar", "4 pictures have no caption (the first: mute)"),
        ("0.tar", "1 captions have no picture (the first: blind)"),
    ]


def test_a_broken_shard_is_reported_and_what_is_whole_is_kept(tmp_path):
    path = write_img2dataset(tmp_path) / "00000.tar"
    path.write_bytes(path.read_bytes()[:8000])
    (tmp_path / "00002.tar").write_bytes(b"<html>404</html>")
    (tmp_path / "00003.tar.gz").write_bytes(gzip.compress(b"x"))
    archive = open_archive(f"webdataset:{tmp_path}")
    assert [text.id[:9] for text in archive.texts] == ["00000.tar"] * 2 + ["00001.tar"] * 3
    assert [source for source, _ in faults(archive)] == ["00003.tar.gz", "00000.tar", "00002.tar"]
    assert archive.rejections[1].reason.startswith("is cut short: a member ends at byte")
    assert archive.rejections[2].reason == "is no tar from byte 0 on"


def test_what_is_no_shard_is_refused(tmp_path):
    with pytest.raises(BadInput, match=r"has no shard: put files \*.tar there"):
        open_archive(f"webdataset:{tmp_path}")
    (tmp_path / "x.zip").write_bytes(b"")
    with pytest.raises(BadInput, match=r"x.zip is not a shard: its name must end in .tar"):
        open_archive(f"webdataset:{tmp_path / 'x.zip'}")
    (tmp_path / "x.tar.gz").write_bytes(b"")
    with pytest.raises(
        BadInput, match="is compressed, so single pictures cannot be read from it; unpack"
    ):
        open_archive(f"webdataset:{tmp_path}")


def test_a_shard_whose_name_is_not_utf8_is_reported(tmp_path):
    write_tar(tmp_path / "0.tar", img2dataset_sample("1", "Kept"))
    odd = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.tar")
    try:
        os.rename(write_tar(tmp_path / "1.tar", img2dataset_sample("2", "Left")), odd)
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    archive = open_archive(f"webdataset:{tmp_path}")
    assert [body for _, body in said(archive)] == ["Kept"]
    assert [reason for _, reason in faults(archive)] == ["its file name is not UTF-8"]


def test_pictures_are_not_held_in_memory(tmp_path):
    members = [m for n in range(8) for m in ((f"{n}.jpg", bytes(1 << 20)), (f"{n}.txt", f"No {n}"))]
    write_tar(tmp_path / "0.tar", members)
    tracemalloc.start()
    assert len(open_archive(f"webdataset:{tmp_path}").texts) == 8
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 20


def test_extraction_reads_the_shards_and_knows_them_again(tmp_path):
    from picturedesk.store.extraction import extract
    from picturedesk.store.features import FeatureStore
    from picturedesk.testing import tiny_backbone

    backbone = tiny_backbone()
    write_tar(
        tmp_path / "0.tar",
        [("./1.jpg", picture_bytes("red")), ("1.jpg", picture_bytes("blue")), ("2.jpg", b"broken")],
    )
    uris = [f"{tmp_path}/0.tar!{name}" for name in ("./1.jpg", "1.jpg", "2.jpg", "3.jpg")]
    with FeatureStore.open(tmp_path / "features.db", backbone.spec) as store:
        first = extract(uris, backbone, store)
        assert (first.read, first.reused, len(first.rejections)) == (2, 0, 2)
        assert len(set(first.keys.values())) == 2
        again = extract(uris, backbone, store)
        assert (again.read, again.reused, again.keys) == (0, 2, first.keys)
        write_tar(tmp_path / "0.tar", [("1.jpg", picture_bytes("green"))])
        changed = extract(uris, backbone, store)
        assert (changed.read, changed.reused, len(changed.rejections)) == (1, 0, 3)
