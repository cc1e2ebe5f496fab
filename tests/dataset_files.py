"""Small data sets in the exact formats that are read, with the faults that are found there."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

from PIL import Image

RIVER = "Der Fluss trat nach dem Regen über die Ufer."
HARBOUR = "The harbour was closed\nfor two days, the mayor said; boats stayed out."
NEWS = "龙里河大桥的建设者们坚守岗位忙施工。"


def write_picture(path: Path, colour: str = "red") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    kind = {".jpg": "JPEG", ".jpeg": "JPEG"}.get(path.suffix.lower(), "PNG")
    Image.new("RGB", (4, 4), colour).save(path, kind)
    return path


def write_pictures(folder: Path, *names: str) -> None:
    for name in names:
        write_picture(folder / name)


def write_jsonl(path: Path, rows: list[object]) -> Path:
    lines = [row if isinstance(row, bytes) else json.dumps(row).encode() for row in rows]
    path.write_bytes(b"\n".join(lines) + b"\n")
    return path


def write_parquet(path: Path, columns: dict[str, list[object]]) -> Path:
    import pyarrow
    import pyarrow.parquet

    pyarrow.parquet.write_table(pyarrow.table(columns), path)
    return path


def write_sohu(root: Path, name: str, stories: dict[str, str | bytes]) -> Path:
    """One set: a text file per story, a picture and a matching line for each."""
    texts = root / f"News_info_{name}"
    texts.mkdir(parents=True, exist_ok=True)
    for identity, story in stories.items():
        data = story if isinstance(story, bytes) else story.encode()
        (texts / f"{identity}.txt").write_bytes(data)
        write_picture(root / f"News_pic_info_{name}" / f"{identity}.jpg")
    lines = [f"{identity}.jpg\t{identity}.txt\n" for identity in stories]
    (root / f"{name}Matching.txt").write_text("".join(lines))
    return root


def write_stamp(root: Path, name: str, english: str, **others: str) -> None:
    """One stamp as Tux Paint keeps it: ``name``.png, and its descriptions in ``name``.txt."""
    write_picture(root / f"{name}.png")
    lines = [english, *(f"{language}.utf8={said}" for language, said in others.items())]
    (root / f"{name}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_stamps(root: Path) -> Path:
    """Stamps with the faults of the real ones: shared words, SVG, variants, lone texts."""
    write_stamp(root, "animals/frog", "A frog.", de="Ein Frosch.", en_GB="A frog.")
    write_stamp(root, "animals/frog-1", "A frog.", de="Ein Laubfrosch.")
    write_stamp(root, "animals/toad", "A toad.", de="Ein Laubfrosch !")
    write_stamp(root, "food/apple", "A red apple.", de="Ein roter Apfel.")
    write_stamp(root, "symbols/a", "The letter a.", de="Der Buchstabe a.")
    write_picture(root / "food/apple_mirror.png")
    (root / "food/plum.svg").write_text("<svg/>")
    (root / "food/plum.txt").write_text("A plum.\n")
    (root / "food/gift.txt").write_text("A gift.\n")
    return root


def write_tokens(path: Path, captions: dict[str, list[str]]) -> Path:
    """Captions as Flickr30K and Flickr8K have them: ``<picture>#<number><TAB><words>``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"{name}#{n}\t{said}\n" for name in captions for n, said in enumerate(captions[name])]
    path.write_text("".join(lines), encoding="utf-8")
    return path


def write_flickr30k(root: Path, names: str = "abcdef") -> Path:
    """Flickr30K as it is unpacked: token file and pictures, five captions each."""
    captions = {f"{name}.jpg": [f"Caption {n} of {name} ." for n in range(5)] for name in names}
    write_tokens(root / "results_20130124.token", captions)
    write_pictures(root / "flickr30k-images", *captions)
    return root


def write_lists(root: Path, lists: dict[str, list[str]]) -> Path:
    """Split lists by file name, one picture per line."""
    root.mkdir(parents=True, exist_ok=True)
    for name, pictures in lists.items():
        (root / name).write_text("".join(f"{picture}\n" for picture in pictures))
    return root


def karpathy_image(name: str, split: str, *captions: object, **more: object) -> dict[str, object]:
    """One image as Karpathy's JSON has it."""
    sentences = [
        {"tokens": str(said).lower().split(), "raw": said, "imgid": 0, "sentid": number}
        for number, said in enumerate(captions)
    ]
    image = {"sentids": list(range(len(captions))), "imgid": 0, "sentences": sentences}
    return image | {"split": split, "filename": name} | more


def write_karpathy(path: Path, *images: object) -> Path:
    """``dataset_<set>.json``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    name = path.stem.removeprefix("dataset_")
    path.write_text(json.dumps({"images": images, "dataset": name}))
    return path


ARTICLES = "article_id,article_url,article_title,article_tags,image_id,image_url"


def write_newsimages(root: Path, *rows: str) -> Path:
    """MediaEval's CSV, which begins with a byte order mark."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "newsarticles.csv").write_text("\n".join([ARTICLES, *rows, ""]), "utf-8-sig")
    return root


def picture_bytes(colour: str = "red") -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (4, 4), colour).save(stream, "JPEG")
    return stream.getvalue()


def write_tar(
    path: Path, members: list[tuple[str, str | bytes]], kind: int = tarfile.USTAR_FORMAT
) -> Path:
    """A tar with these names and contents, in this order."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w", format=kind) as tar:
        for name, content in members:
            data = content if isinstance(content, bytes) else content.encode()
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


def img2dataset_sample(key: str, caption: str, **more: object) -> list[tuple[str, str | bytes]]:
    """One sample in the form and order that img2dataset writes."""
    about = {"caption": caption, "url": f"http://a.org/{key}.jpg", "key": key, "status": "success"}
    about |= {"error_message": None, "width": 4, "height": 4, "exif": "{}", **more}
    return [
        (f"{key}.jpg", picture_bytes()),
        (f"{key}.json", json.dumps(about, indent=4)),
        (f"{key}.txt", caption),
    ]
