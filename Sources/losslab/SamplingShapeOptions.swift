import ArgumentParser
import LabCore

/// What bends sampling beside the temperature. A checkpoint's own settings never do.
struct SamplingShapeOptions: ParsableArguments {
    @Option(help: "Draw only within this share of the probability. Default: all of it.")
    var topP: Double?

    @Option(help: "Draw only among so many of the most probable tokens. Default: all.")
    var topK: Int?

    @Option(help: "Draw no token below this share of the most probable one. Default: 0.")
    var minP: Double?

    @Option(help: "Above 1: words that stand in prompt or answer become less probable. Default: 1.")
    var repetitionPenalty: Double?

    func validate() throws {
        guard topP.map({ $0 > 0 && $0 <= 1 }) ?? true, minP.map((0...1).contains) ?? true else {
            throw ValidationError("--top-p and --min-p are shares, above 0 and at most 1")
        }
        guard topK.map({ $0 >= 1 }) ?? true, repetitionPenalty.map((0.01...100).contains) ?? true else {
            throw ValidationError("--top-k is a number from 1, --repetition-penalty from 0.01 to 100")
        }
    }

    var chosen: SamplingShape? {
        SamplingShape(topP: topP, topK: topK, minP: minP, repetitionPenalty: repetitionPenalty).ifAny
    }
}
