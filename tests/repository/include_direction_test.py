"""The include check finds what it is there to find."""

import pathlib
import tempfile
import unittest

import include_direction

PUBLIC_HEADERS = {"base": "error.h tensor.h", "norm": "norm.h", "train": "train.h"}


def check(path: str, line: str):
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for room, headers in PUBLIC_HEADERS.items():
            lists = root / "src" / room / "CMakeLists.txt"
            lists.parent.mkdir(parents=True)
            lists.write_text(f"equipoise_add_room({room} PUBLIC_HEADERS {headers} SOURCES a.cc)")
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"#pragma once\n{line}\n")
        return include_direction.check(root)


class IncludeDirection(unittest.TestCase):
    def test_accepts(self):
        for path, line in [
            ("src/norm/moments.cc", '#include "norm/moments.h"'),
            ("src/norm/moments.cc", '#include "base/parallel.h"'),
            ("src/norm/moments.cc", '#include "equipoise/error.h"'),
            ("src/norm/moments.cc", "#include <hwy/highway.h>"),
            ("src/train/loop.cc", '#include "base/parallel.h"'),
            ("src/engine/implementations/conv.cc", "#include <oneapi/dnnl/dnnl.hpp>"),
            ("include/equipoise/norm.h", '#include "equipoise/tensor.h"'),
            ("include/equipoise/norm.h", "#include <string_view>"),
            ("apps/equipoise/main.cc", "#include <equipoise/train.h>"),
            ("apps/equipoise/main.cc", '#include "commands.h"'),
            ("tests/norm/moments_test.cc", '#include "no/rules.h"'),
        ]:
            with self.subTest(path=path, line=line):
                self.assertEqual(check(path, line), [])

    def assert_rule(self, place: str, line: str, rule: str):
        path = place.split(":")[0]
        with self.subTest(path=path, line=line):
            self.assertEqual(check(path, line), [f"{place}: {rule}"])

    def test_a_room_sees_what_it_builds_on(self):
        rule = "'base' may not include 'norm'"
        self.assert_rule("src/base/a.cc:2", '#include "norm/moments.h"', rule)
        self.assert_rule("src/base/a.cc:2", "#include <norm/moments.h>", rule)
        self.assert_rule("src/base/a.cc:2", '  #  include "norm/moments.h"', rule)
        rule = "'graph' may not include 'norm'"
        self.assert_rule("src/graph/a.cc:2", '#include "norm/moments.h"', rule)
        rule = "room 'attic' is not in tests/repository/rooms.txt"
        self.assert_rule("src/attic/a.cc:1", "#include <vector>", rule)
        rule = 'write "room/header.h" for a header of the project, <…> for any other'
        self.assert_rule("src/norm/a.cc:2", '#include "moments.h"', rule)

    def test_public_headers_count_as_their_rooms(self):
        rule = "'base' may not include 'norm', to which equipoise/norm.h belongs"
        self.assert_rule("src/base/a.cc:2", '#include "equipoise/norm.h"', rule)
        self.assert_rule("include/equipoise/tensor.h:2", '#include "equipoise/norm.h"', rule)
        rule = "no room lists this header under PUBLIC_HEADERS (src/<room>/CMakeLists.txt)"
        self.assert_rule("include/equipoise/new.h:1", "#include <vector>", rule)

    def test_public_headers_stand_alone(self):
        rule = "a public header includes the standard library and public headers alone"
        self.assert_rule("include/equipoise/norm.h:2", "#include <hwy/highway.h>", rule)
        rule = "include/ sees public headers alone, not those of room 'base'"
        self.assert_rule("include/equipoise/norm.h:2", '#include "base/parallel.h"', rule)

    def test_users_see_public_headers_alone(self):
        rule = "apps/ sees public headers alone, not those of room 'base'"
        self.assert_rule("apps/equipoise/main.cc:2", '#include "base/parallel.h"', rule)
        rule = "examples/ sees public headers alone, not those of room 'norm'"
        self.assert_rule("examples/a.cc:2", "#include <norm/moments.h>", rule)

    def test_a_library_stays_in_its_room(self):
        rule = "only room 'engine' includes <dnnl.hpp>"
        self.assert_rule("src/norm/a.cc:2", "#include <dnnl.hpp>", rule)


if __name__ == "__main__":
    unittest.main()
