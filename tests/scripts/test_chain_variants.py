from scripts.chain_variants import Variant, variants
from vreid.options.chain import parse_chain

CANNOT = "cannot be turned off: the stages behind it change distances"


def test_stages_go_with_what_undoes_them() -> None:
    chain = parse_chain(
        [
            {"stage": "branches", "of": {"plain": [], "white": ["whiten_cameras"]}},
            "tracklets",
            "distance",
            "average",
            {"stage": "constrain", "never_same_camera": True},
            "spread",
            "fuse_members",
        ],
        "chain",
    )
    assert variants(chain) == [
        Variant("1 branches, 4 average", (1, 4)),
        Variant("2 tracklets, 6 spread", (2, 6)),
        Variant("3 distance", (3,), CANNOT),
        Variant("5 constrain", (5,)),
        Variant("7 fuse_members", (7,)),
    ]


def test_what_the_order_refuses_is_said() -> None:
    chain = parse_chain(["smooth", "distance", "spread"], "chain")  # as if order were not checked
    found = variants(chain)
    assert [one.title for one in found] == ["1 smooth", "2 distance"]
    assert found[0].reason.startswith("cannot be turned off: without it, chain[2] spread has no")
