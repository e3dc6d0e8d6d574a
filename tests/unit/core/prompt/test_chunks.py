from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.prompt.chunks import ChunkedPrompt, Fix, chunk_prompt, empty_chunk
from core.prompt.emphasis import Emphasis
from core.prompt.tokens import Embedding, EmbeddingTable

BOS, EOS, COMMA = 900, 901, 902


@dataclass(frozen=True)
class Words:
    """Each word is its length, each comma a comma."""

    bos_id: int = BOS
    eos_id: int = EOS
    pad_id: int = EOS
    comma_id: int | None = COMMA

    def encode(self, text: str) -> Sequence[int]:
        return [COMMA if word == "," else len(word) for word in text.replace(",", " , ").split()]


TOKENIZER = Words()


def chunked(text: str, backtrack: int = 20, *embeddings: Embedding) -> ChunkedPrompt:
    return chunk_prompt(text, TOKENIZER, comma_backtrack=backtrack, embeddings=EmbeddingTable(embeddings))


def bodies(prompt: ChunkedPrompt) -> list[list[int]]:
    return [list(chunk.tokens[1 : chunk.tokens.index(EOS)]) for chunk in prompt.chunks]


def words(count: int) -> str:
    return "a " * count


def test_an_empty_prompt_is_one_chunk() -> None:
    prompt = chunked("")
    assert prompt.chunks == (empty_chunk(TOKENIZER),)
    assert prompt.chunks[0].tokens == (BOS, *[EOS] * 76)
    assert prompt.token_count == 0


def test_every_token_has_the_weight_of_its_segment() -> None:
    (chunk,) = chunked("a (bb cc:1.5) d").chunks
    assert chunk.tokens[:6] == (BOS, 1, 2, 2, 1, EOS)
    assert chunk.weights == (1.0, 1.0, 1.5, 1.5, *[1.0] * 73)


@pytest.mark.parametrize(("count", "sizes"), [(75, [75]), (76, [75, 1]), (150, [75, 75]), (151, [75, 75, 1])])
def test_long_prompts_are_cut_at_75(count: int, sizes: list[int]) -> None:
    prompt = chunked(words(count))
    assert [len(body) for body in bodies(prompt)] == sizes
    assert prompt.token_count == count


def test_break_closes_a_chunk_and_counts_as_full() -> None:
    prompt = chunked("a BREAK bb")
    assert bodies(prompt) == [[1], [2]]
    assert prompt.token_count == 76
    assert bodies(chunked("a BREAK")) == [[1]]
    assert bodies(chunked("BREAK")) == [[]]
    assert bodies(chunked("(a BREAK b:1.2)")) == [[1, 5, 1]]


def test_a_phrase_moves_to_the_next_chunk() -> None:
    prompt = chunked(words(60) + "," + words(20))
    assert [len(body) for body in bodies(prompt)] == [61, 20]
    assert prompt.token_count == 95
    assert [len(body) for body in bodies(chunked(words(60) + "," + words(20), 0))] == [75, 6]
    assert [len(body) for body in bodies(chunked(words(60) + "," + words(20), 14))] == [75, 6]
    assert [len(body) for body in bodies(chunked(words(60) + "," + words(20), 15))] == [61, 20]


def test_a_comma_that_does_not_fit_moves_nothing() -> None:
    text = words(70) + "," + words(4) + "," + words(3)
    assert [len(body) for body in bodies(chunked(text))] == [75, 4]


def test_embeddings_are_found_longest_first_and_never_cut() -> None:
    short, long = Embedding("s", (3,), 2), Embedding("l", (3, 4), 5)
    (chunk,) = chunked("(a xxx yyyy xxx:2)", 20, short, long).chunks
    assert chunk.tokens[:10] == (BOS, 1, 0, 0, 0, 0, 0, 0, 0, EOS)
    assert chunk.fixes == (Fix(1, "l", 5), Fix(6, "s", 2))
    assert chunk.weights[1:9] == (2.0,) * 8
    prompt = chunked(words(73) + "xxx yyyy", 20, short, long)
    assert [len(body) for body in bodies(prompt)] == [73, 5]
    assert [chunk.fixes for chunk in prompt.chunks] == [(), (Fix(0, "l", 5),)]


def test_an_embedding_moves_along_with_its_phrase() -> None:
    prompt = chunked(words(60) + ", xxx " + words(20), 20, Embedding("s", (3,), 2))
    assert [chunk.fixes for chunk in prompt.chunks] == [(), (Fix(0, "s", 2),)]


def test_an_embedding_larger_than_a_chunk_is_a_plain_word() -> None:
    assert bodies(chunked("xxx", 20, Embedding("s", (3,), 76))) == [[3]]


def test_a_table_reads_names_with_the_tokenizer() -> None:
    table = EmbeddingTable.of({"xxx yyyy": 2, "": 1}, TOKENIZER.encode)
    assert table.match([3, 4], 0) == Embedding("xxx yyyy", (3, 4), 2)
    assert table.match([3, 5], 0) is None


def test_openclip_pads_behind_the_first_end() -> None:
    (chunk,) = chunk_prompt("a", Words(pad_id=0)).chunks
    assert chunk.tokens == (BOS, 1, EOS, *[0] * 74)


@pytest.mark.parametrize(
    ("option", "ids", "weights"),
    [
        ("Original", (2,), (1.5,)),
        ("No norm", (2,), (1.5,)),
        ("Ignore", (2,), (1.0,)),
        ("None", (8,), (1.0,)),
        ("anything", (2,), (1.5,)),
    ],
)
def test_emphasis_modes(option: str, ids: tuple[int, ...], weights: tuple[float, ...]) -> None:
    (chunk,) = chunk_prompt("(aa:1.5)", TOKENIZER, emphasis=Emphasis.of(option)).chunks
    assert chunk.tokens[1 : 1 + len(ids)] == ids
    assert chunk.weights[1 : 1 + len(weights)] == weights


def test_without_emphasis_break_is_a_word() -> None:
    assert len(chunk_prompt("a BREAK b", TOKENIZER, emphasis=Emphasis.NONE).chunks) == 1


PIECES = st.sampled_from(["a", "bb", "xxx", "yyyy", ",", "BREAK", "(", ")", "[", "]"])


@given(st.lists(PIECES, max_size=260), st.integers(0, 75))
def test_every_chunk_is_whole(pieces: list[str], backtrack: int) -> None:
    table = Embedding("e", (3,), 9), Embedding("f", (3, 4), 3)
    prompt = chunked(" ".join(pieces), backtrack, *table)
    for chunk in prompt.chunks:
        assert len(chunk.tokens) == len(chunk.weights) == 77
        assert (chunk.tokens[0], chunk.tokens[-1]) == (BOS, EOS)
        covered = [at for fix in chunk.fixes for at in range(fix.offset + 1, fix.offset + 1 + fix.vectors)]
        assert covered == [at for at, token in enumerate(chunk.tokens) if token == 0]
    assert prompt.token_count <= 75 * len(prompt.chunks)


@given(st.lists(st.sampled_from(["a", "bb", ","]), max_size=300), st.integers(0, 75))
def test_no_token_is_lost(pieces: list[str], backtrack: int) -> None:
    text = " ".join(pieces)
    assert [token for body in bodies(chunked(text, backtrack)) for token in body] == TOKENIZER.encode(text)
