import Foundation
public import LabCore
import Synchronization

/// Accepts a `FakeLoss`, behind any words of a reply, unless its text says otherwise; equal shapes get equal fingerprints.
public final class FakeScreener: LossScreener {
    private let fingerprintLength: Int
    private let callsByName = Mutex<[String: Int]>([:])

    public init(fingerprintLength: Int = 16) {
        self.fingerprintLength = fingerprintLength
    }

    /// How often each name was screened.
    public var calls: [String: Int] { callsByName.withLock { $0 } }

    public func screen(_ text: String, name: String?, reply: ReplyContext?) async throws -> Screening {
        callsByName.withLock { $0[name ?? "", default: 0] += 1 }
        let start = text.range(of: "# fake ")?.lowerBound ?? text.startIndex
        let (thought, text) = (String(text[..<start]), String(text[start...]))
        guard let fake = FakeLoss(text: text) else {
            return reply?.isCutOff == true
                ? refused("cut-off", "the reply was cut off by the token limit", name: name, source: nil)
                : refused("no-code", "the reply holds no Python function", name: name, source: nil)
        }
        switch fake.behaviour {
        case .crashesScreening: throw FakeFailure(description: "screening process died")
        case .refused: return refused("import", "import os is not allowed", name: fake.name, source: text)
        default: break
        }
        var generator = SeededGenerator(seed: stableHash(fake.shape))
        return Screening(
            accepted: true, name: fake.name, thought: thought.isEmpty ? nil : thought, source: text,
            fingerprint: Fingerprint(
                hash: fake.shape, values: (0..<fingerprintLength).map { _ in generator.normal() }))
    }

    private func refused(_ code: String, _ message: String, name: String?, source: String?) -> Screening {
        Screening(
            accepted: false, name: name, source: source,
            rejections: [Rejection(code: code, message: message, line: 1)])
    }
}
