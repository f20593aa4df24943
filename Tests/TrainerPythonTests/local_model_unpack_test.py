"""A GGUF file written as a folder: the same numbers, the same words, whole or not at all."""

import json
from pathlib import Path

import gguf
import numpy
import pytest
import torch
from losslab_trainer.local_model.problem import FetchProblem
from losslab_trainer.local_model.unpack import SOURCE_FILE, unpack
from transformers import AutoModelForCausalLM, AutoTokenizer, Qwen2Config, Qwen2ForCausalLM

TOKENS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", *"abcdefghijklmnopqrstuvwxyz.", "Ġ", "th", "the"]
TEMPLATE = "{% for message in messages %}<|im_start|>{{ message['content'] }}<|im_end|>{% endfor %}"
# Our names, and those that a GGUF file has for them.
TENSORS = {
    "model.embed_tokens": "token_embd",
    "model.norm": "output_norm",
    "lm_head": "output",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


def tiny(tied: bool) -> Qwen2ForCausalLM:
    """A model of two layers with random weights."""
    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=len(TOKENS),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=128,
        tie_word_embeddings=tied,
    )
    return Qwen2ForCausalLM(config).eval()


def write_gguf(model: Qwen2ForCausalLM, path: Path) -> Path:
    """Write the model with a tokenizer, as llama.cpp's converter would."""
    config = model.config
    writer = gguf.GGUFWriter(path, "qwen2")
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(10_000.0)
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(TOKENS)
    writer.add_token_types([gguf.TokenType.CONTROL] * 3 + [gguf.TokenType.NORMAL] * (len(TOKENS) - 3))
    writer.add_token_merges(["t h", "th e"])
    writer.add_eos_token_id(2)
    writer.add_pad_token_id(0)
    writer.add_chat_template(TEMPLATE)
    for name, value in model.state_dict().items():
        stem, _, kind = name.rpartition(".")
        layer = ""
        if stem.startswith("model.layers."):
            _, _, number, stem = stem.split(".", 3)
            layer = f"blk.{number}."
        if stem == "lm_head" and config.tie_word_embeddings:
            continue
        writer.add_tensor(f"{layer}{TENSORS[stem]}.{kind}", value.numpy().astype(numpy.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.mark.parametrize("tied", [True, False])
def test_the_folder_computes_what_the_file_holds(tmp_path: Path, tied: bool) -> None:
    """Logits equal those of the model that was written; ties, words and the template are kept."""
    model = tiny(tied)
    folder = unpack(write_gguf(model, tmp_path / "tiny.gguf"), tmp_path / "deep" / "tiny", "abc", "Tiny")
    read = AutoModelForCausalLM.from_pretrained(folder).eval()
    ids = torch.tensor([[3, 4, 31, 7, 2]])
    with torch.no_grad():
        torch.testing.assert_close(read(ids).logits, model(ids).logits, rtol=1e-5, atol=1e-5)
    assert read.config.tie_word_embeddings is tied
    assert not hasattr(read.config, "quantization_config")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert tokenizer("the.")["input_ids"] == [TOKENS.index("the"), TOKENS.index(".")]
    assert tokenizer.eos_token == "<|im_end|>" and tokenizer.chat_template == TEMPLATE
    assert sorted(path.name for path in folder.parent.iterdir()) == ["tiny"]


def test_a_folder_is_made_once_and_nothing_is_overwritten(tmp_path: Path) -> None:
    """The same again is nothing to do; a folder that holds something else is left alone."""
    file = write_gguf(tiny(True), tmp_path / "tiny.gguf")
    folder = unpack(file, tmp_path / "tiny", "abc", "Tiny")
    written = (folder / "model.safetensors").stat()
    assert unpack(file, folder, "abc", "Tiny") == folder
    assert (folder / "model.safetensors").stat() == written
    with pytest.raises(FetchProblem, match="holds something else already; name another folder"):
        unpack(file, folder, "def", "Another")
    assert json.loads((folder / SOURCE_FILE).read_text())["sha256"] == "abc"


@pytest.mark.parametrize("how", ["empty", "no magic", "cut in a tensor", "cut in the metadata", "lying lengths"])
def test_a_file_that_is_no_model_leaves_nothing(tmp_path: Path, how: str) -> None:
    """Whatever the readers raise, a broken file ends in one sentence that blames the file and not the disk."""
    broken = write_gguf(tiny(True), tmp_path / "broken.gguf")
    whole = broken.read_bytes()
    key = whole.index(b"qwen2.context_length")
    broken.write_bytes(
        {
            "empty": b"GGUF" + b"\x03\0\0\0" + bytes(64),
            "no magic": b"JUNK" + whole[4:],
            "cut in a tensor": whole[: len(whole) // 2],
            "cut in the metadata": whole[: key + 22],
            "lying lengths": whole[: key - 8] + b"\xff" * 6 + whole[key - 2 :],
        }[how]
    )
    with pytest.raises(FetchProblem, match=r"broken\.gguf cannot be read as a model to train: ") as caught:
        unpack(broken, tmp_path / "folder", "abc", "Broken")
    assert caught.value.kind == "content" and "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["broken.gguf"]
