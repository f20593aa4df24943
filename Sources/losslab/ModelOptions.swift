import ArgumentParser
import Trainer

/// Which model is trained, and how it is loaded.
struct ModelOptions: ParsableArguments {
    @Option(help: "Policy to train: a folder in Hugging Face layout or a Hub id.", completion: .directory)
    var model: String?

    @Option(help: "Branch, tag or commit of a Hub model.")
    var modelRevision: String?

    @Option(help: "Train LoRA adapters of this rank instead of all weights.")
    var lora: Int?

    @Option(help: "Load the weights in 4bit or 8bit; needs --lora and a GPU.")
    var quantization: String?

    @Option(help: "auto, float32, bfloat16 or float16.")
    var dtype: String?

    @Option(help: "auto, cpu or cuda.")
    var device: String?

    @Flag(help: "Recompute activations instead of keeping them: less memory, more time.")
    var gradientCheckpointing = false

    @Option(help: "Chat template: chatml, zephyr, llama3, gemma, mistral, or a file. Default: the tokenizer's own.")
    var chatTemplate: String?

    @Flag(help: "Use a chat template that looks doubtful.")
    var acceptTemplate = false

    func chosen() throws -> FinetuneModel {
        guard let model else {
            throw ValidationError(
                """
                name the model to train with --model: a folder in Hugging Face layout, a Hub id, or a small Llama made \
                from the same pairs with `PYTHONPATH=Sources/Trainer/python .venv/bin/python -m \
                losslab_trainer.bench.small_llama --dataset ... --output FOLDER`
                """)
        }
        return FinetuneModel(
            path: absoluteIfPresent(model), revision: modelRevision, dtype: dtype, device: device, loraRank: lora,
            quantization: quantization, gradientCheckpointing: gradientCheckpointing,
            chatTemplate: chatTemplate.map(absoluteIfPresent), acceptTemplate: acceptTemplate)
    }
}
