# SPDX-License-Identifier: GPL-3.0-or-later
"""The schema for editors and the parser agree: what the parser takes the schema
takes, and what a schema can see at all it refuses as the parser does."""
import json
import pathlib
import subprocess

import pytest

import holdfast

jsonschema = pytest.importorskip('jsonschema')
yaml = pytest.importorskip('yaml')

ROOT = pathlib.Path(__file__).resolve().parents[2]
CORPUS = ROOT / 'fuzz' / 'corpus' / 'config'

# Faults between values, in the text below YAML, or in what a word means: an
# editor with the schema alone cannot see these.
BEYOND_A_SCHEMA = {
    'bad-billion-laughs', 'bad-bounds-crossed', 'bad-broken-flow',
    'bad-broken-quote', 'bad-complex-key', 'bad-cursor', 'bad-directive', 'bad-double-zone',
    'bad-duplicate-key', 'bad-loop', 'bad-merge', 'bad-not-utf8', 'bad-tab', 'bad-tags',
    'bad-two-documents', 'bad-undefined-upstream', 'bad-zero-byte',
}


class Words(yaml.SafeLoader):
    """YAML 1.2 as editors read it: yes and no are words, null and numbers are not."""


Words.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in rows if not tag.endswith(':bool')
            or first in 'tTfF']
    for first, rows in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


@pytest.fixture(scope='module')
def validator():
    done = subprocess.run([holdfast.binary(), 'doc', 'schema'], capture_output=True, text=True, check=True)
    schema = json.loads(done.stdout)
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def load(path):
    return yaml.load(path.read_bytes().decode('utf-8-sig'), Loader=Words)


@pytest.mark.parametrize('path', sorted(CORPUS.glob('good-*.yaml')), ids=lambda path: path.stem)
def test_a_good_file_is_good_to_the_schema(validator, path):
    assert [error.message for error in validator.iter_errors(load(path))] == []


@pytest.mark.parametrize('path', sorted(path for path in CORPUS.glob('bad-*.yaml')
                                        if path.stem not in BEYOND_A_SCHEMA),
                         ids=lambda path: path.stem)
def test_a_bad_file_is_bad_to_the_schema(validator, path):
    assert list(validator.iter_errors(load(path)))


def test_a_full_disk_is_said_once_and_as_that():
    with open('/dev/full', 'w', encoding='ascii') as full:
        done = subprocess.run([holdfast.binary(), 'doc', 'schema'], stdout=full, stderr=subprocess.PIPE,
                              text=True, check=False)
    assert done.returncode == 3
    assert done.stderr == 'holdfast: cannot write the output: No space left on device\n'
