"""How a tree of images is read: what is a split, a class and an image, and what is passed over."""

import os
from pathlib import Path

import pytest
from PIL import Image

from space.errors import DataError
from workers.data.image_tree import ImageTree, read_image_tree
from workers.data.images import BrokenImages

IMAGE = Image.new("RGB", (8, 8), (200, 20, 30))


def grow(root: Path, *names: str) -> Path:
    """Files below `root`: images by their suffix, and the same bytes under any other name."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix in (".gif", ".pgm", ".png"):
            IMAGE.convert("L").save(path)
        else:
            IMAGE.save(path, "JPEG")
    return root


def names(tree: ImageTree, root: Path) -> dict[str, list[str]]:
    """The images of every class of the training split, below the class's folder or not."""
    result: dict[str, list[str]] = {name: [] for name in tree.classes}
    for image in tree.train:
        result[tree.classes[image.label]].append(image.path.relative_to(root).as_posix())
    return result


def count_passed(tree: ImageTree) -> dict[str, int]:
    return {over.reason: over.count for over in tree.passed_over}


# ------------------------------------------------------------------------------------------ splits


@pytest.mark.parametrize(
    ("train", "held_out"),
    [
        ("train", "test"),
        ("Train", "Test"),
        ("training", "validation"),
        ("TRAIN_SET", "valid"),
        ("train2017", "val2017"),
        ("Training Data", "held-out"),
        ("train.images", "test.images"),
        ("pets_train", "pets-Val"),
    ],
)
def test_splits_are_known_in_any_case_and_spelling(
    tmp_path: Path, train: str, held_out: str
) -> None:
    for split in (train, held_out):
        grow(tmp_path, f"{split}/cat/1.png", f"{split}/dog/1.png")
    tree = read_image_tree(tmp_path)
    assert tree.classes == ("cat", "dog")
    assert tree.held_out is not None
    assert (len(tree.train), len(tree.held_out), tree.held_out_folder) == (2, 2, held_out)


def test_three_splits_are_what_they_are_called(tmp_path: Path) -> None:
    for split in ("train", "val", "test"):
        grow(tmp_path, *(f"{split}/{label}/{split}.png" for label in ("cat", "dog")))
    tree = read_image_tree(tmp_path)
    assert tree.held_out is not None
    assert tree.validation is not None
    assert (tree.held_out_folder, tree.validation_folder) == ("test", "val")
    assert {image.path.name for image in tree.held_out} == {"test.png"}
    assert {image.path.name for image in tree.validation} == {"val.png"}
    assert not tree.passed_over


def test_before_there_was_validation_val_came_first_and_test_was_left_alone(
    tmp_path: Path,
) -> None:
    for split in ("train", "val", "test"):
        grow(tmp_path, *(f"{split}/{label}/{split}.png" for label in ("cat", "dog")))
    tree = read_image_tree(tmp_path, validate=False)
    assert tree.validation is None
    assert tree.held_out is not None
    assert tree.held_out_folder == "val"
    assert {image.path.name for image in tree.held_out} == {"val.png"}
    (over,) = tree.passed_over
    assert (over.first, over.reason) == ("test", "left unopened: val/ is the held-out split of a "
                                         "search")  # fmt: skip


@pytest.mark.parametrize(
    ("folders", "message"),
    [
        (
            ["train"],
            "has train/ but neither test/ nor val/; add one, or give .*/train as the path",
        ),
        (["val", "Test"], "has Test/ and val/ but no train/"),
        (["train", "Training", "val"], "'Training', 'train' are the same split"),
        (["train", "cat"], "train/ looks like a split, 'cat' beside it do not"),
    ],
)
def test_folders_of_splits_are_never_classes(
    tmp_path: Path, folders: list[str], message: str
) -> None:
    for split in folders:
        grow(tmp_path, f"{split}/cat/1.png", f"{split}/dog/1.png")
    with pytest.raises(DataError, match=message):
        read_image_tree(tmp_path)


def test_a_class_among_others_may_be_called_train(tmp_path: Path) -> None:
    grow(tmp_path, "bus/1.png", "train/1.png", "car/1.png")
    assert read_image_tree(tmp_path).classes == ("bus", "car", "train")


def test_classes_of_folders_may_be_called_after_trains_and_tests_too(tmp_path: Path) -> None:
    views = [
        f"{name}/v{i}/{i}.jpg" for name in ("steam train", "crash test", "car") for i in (1, 2)
    ]
    tree = read_image_tree(grow(tmp_path, *views))
    assert tree.classes == ("car", "crash test", "steam train")


def test_classes_may_be_called_after_trains_and_tests(tmp_path: Path) -> None:
    grow(tmp_path, "express_train/1.png", "crash_test/1.png", "freight_train/deep/1.png")
    assert len(read_image_tree(tmp_path).classes) == 3


def test_what_lies_beside_the_splits_is_passed_over(tmp_path: Path) -> None:
    for split in ("train", "val"):
        grow(tmp_path, f"{split}/cat/1.png", f"{split}/dog/1.png", f"{split}/all.png")
    grow(tmp_path, "annotations/1.png", "LICENSE")
    tree = read_image_tree(tmp_path)
    assert count_passed(tree) == {
        "a folder beside the splits": 1,
        "a file outside of the class folders": 3,
    }


def test_classes_of_one_split_alone_are_all_named(tmp_path: Path) -> None:
    grow(tmp_path, *(f"train/{label}/1.png" for label in ("ant", "bee", "cat")))
    grow(tmp_path, *(f"val/{label}/1.png" for label in ("cat", "dog")))
    with pytest.raises(DataError, match="'ant', 'bee' in train/ alone, 'dog' in val/ alone"):
        read_image_tree(tmp_path)


# ----------------------------------------------------------------------------------------- classes


@pytest.mark.parametrize(
    "files",
    [
        ["pets/train/cat/1.png", "pets/train/dog/1.png", "pets/val/cat/1.png"],
        ["pets/train/cat/1.png", "pets/train/dog/1.png"],
        ["pets/cat/1.png", "pets/dog/1.png"],
        ["pets/train/cat/1.png", "pets/val/cat/1.png", "pets/README"],
    ],
)
def test_a_folder_too_much_names_the_one_to_give(tmp_path: Path, files: list[str]) -> None:
    with pytest.raises(DataError) as caught:
        read_image_tree(grow(tmp_path, *files))
    assert f"give {tmp_path / 'pets'} as the path" in str(caught.value)


def test_classes_that_hold_splits_are_refused(tmp_path: Path) -> None:
    grow(tmp_path, *(f"{item}/{split}/1.png" for item in "ab" for split in ("train", "test")))
    with pytest.raises(DataError, match=r"a: holds splits \('test', 'train'\), not the images of"):
        read_image_tree(tmp_path)


def test_one_class_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has one class, cat/; give two or more"):
        read_image_tree(grow(tmp_path, "cat/1.png"))


def test_a_class_whose_name_is_not_unicode_is_refused_with_the_cure(tmp_path: Path) -> None:
    grow(tmp_path, "cat/1.png", os.fsdecode(b"b\xe4r") + "/1.png")
    with pytest.raises(DataError, match=r"b'b\\xe4r'; rename the folder, with `convmv") as caught:
        read_image_tree(tmp_path)
    str(caught.value).encode()  # it can be printed


def test_images_lie_at_any_depth_in_the_order_of_their_names(tmp_path: Path) -> None:
    grow(tmp_path, "cat/b/1.png", "cat/a/x/2.png", "cat/9.png", "cat/a/1.png", "dog/1.png")
    expected = ["cat/9.png", "cat/a/1.png", "cat/a/x/2.png", "cat/b/1.png"]
    assert names(read_image_tree(tmp_path), tmp_path) == {"cat": expected, "dog": ["dog/1.png"]}


# --------------------------------------------------------------------- what is no image of ours


def test_hidden_and_system_folders_count_at_no_depth(tmp_path: Path) -> None:
    grow(tmp_path, "cat/1.png", "dog/1.png", "dog/deep/2.png", ".git/1.png", "__MACOSX/dog/1.png")
    for folder in ("cat", "dog/deep"):
        for name in (".ipynb_checkpoints", "@eaDir", "__MACOSX"):
            grow(tmp_path, f"{folder}/{name}/1.png")
    grow(tmp_path, "cat/._1.png", "cat/Thumbs.db", "cat/.DS_Store", "cat/desktop.ini")
    tree = read_image_tree(tmp_path)
    assert len(tree.train) == 3
    assert count_passed(tree) == {"hidden, or a file of the system": 12}


def test_images_are_known_by_suffix_or_else_by_content(tmp_path: Path) -> None:
    grow(tmp_path, "cat/1.JPEG", "cat/2.jfif", "cat/3.gif", "cat/4.pgm", "cat/5", "cat/6.data")
    grow(tmp_path, "dog/1.png")
    for name in ("labels.txt", "notes.txt", "README", "x.heic"):
        (tmp_path / "dog" / name).write_text("P5 is what a text may begin with")
    os.mkfifo(tmp_path / "dog" / "fifo")
    tree = read_image_tree(tmp_path)
    assert len(names(tree, tmp_path)["cat"]) == 6
    assert count_passed(tree) == {
        "not an image (.txt)": 2,
        "not an image (without a suffix)": 1,
        "not an image (.heic)": 1,
        "not a regular file": 1,
    }
    assert tree.passed_over[0].first == "dog/labels.txt"


def test_classes_without_images_are_named(tmp_path: Path) -> None:
    grow(tmp_path, "cat/1.png", "dog/1.png")
    for name in ("ant", "bee"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.heic").write_text("x")
    with pytest.raises(DataError, match="no images in 'ant', 'bee'"):
        read_image_tree(tmp_path)


# ------------------------------------------------------------------------------------------- links


def test_links_never_lead_above_themselves(tmp_path: Path) -> None:
    root = grow(tmp_path / "images", "cat/1.png", "cat/deep/2.png", "dog/1.png")
    for link, target in (("x", "."), ("y", "."), ("cat/up", ".."), ("cat/deep/z", "..")):
        (root / link).symlink_to(target)
    (root / "dog" / "far").symlink_to(tmp_path)
    tree = read_image_tree(root)
    assert tree.classes == ("cat", "dog")
    assert len(tree.train) == 3
    assert count_passed(tree) == {"a link to a folder above itself": 5}


def test_a_folder_that_links_name_twice_counts_once(tmp_path: Path) -> None:
    root = grow(tmp_path / "images", "cat/1.png", "dog/1.png")
    grow(tmp_path, "more/2.png")
    for link in ("a", "b"):
        (root / "cat" / link).symlink_to(tmp_path / "more")
    tree = read_image_tree(root)
    assert names(tree, root)["cat"] == ["cat/1.png", "cat/a/2.png"]
    assert count_passed(tree) == {"a folder that was counted already, by a link": 1}


@pytest.mark.parametrize("link", ["train/dog/more", "train/hound", "val/dog", "val"])
def test_a_folder_of_two_classes_or_splits_is_refused(tmp_path: Path, link: str) -> None:
    grow(tmp_path, "train/cat/1.png", "train/dog/1.png", "val/cat/1.png", "val/dog/1.png")
    path = tmp_path / link
    if path.exists():
        path.rename(tmp_path / "old")
    path.symlink_to(tmp_path / ("train" if link == "val" else "train/cat"))
    with pytest.raises(DataError, match=r"is the same folder as .*/train/cat, by a link"):
        read_image_tree(tmp_path)


def test_class_folders_may_be_links(tmp_path: Path) -> None:
    grow(tmp_path / "far", "c/1.png", "d/1.png")
    root = tmp_path / "images"
    root.mkdir()
    (root / "cat").symlink_to(tmp_path / "far" / "c")
    (root / "dog").symlink_to(tmp_path / "far" / "d")
    assert read_image_tree(root).classes == ("cat", "dog")


def test_links_that_lead_nowhere_are_all_named(tmp_path: Path) -> None:
    grow(tmp_path, "cat/1.png", "dog/1.png")
    for link, target in (("bee", "/nowhere"), ("cat/more", "gone"), ("x", "y"), ("y", "x")):
        (tmp_path / link).symlink_to(target)
    with pytest.raises(BrokenImages) as caught:
        read_image_tree(tmp_path)
    assert [Path(path).name for path, _ in caught.value.images] == ["bee", "x", "y", "more"]
