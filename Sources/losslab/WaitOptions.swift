import ArgumentParser
import ChatClient
import LabCore

/// How long a server's answer is waited for.
struct WaitOptions: ParsableArguments {
    @Option(
        help: "Seconds for one request with its whole answer. Default: 600; a call with its retries takes up to twice.")
    var timeout: Double?

    @Option(
        help: "Seconds without a byte, before an answer and within it. Default: 300 before its first, 60 after that.")
    var silence: Double?

    func validate() throws {
        for (option, value) in [("--timeout", timeout), ("--silence", silence)] {
            guard value.map({ $0 > 0 && $0 < 1e6 }) ?? true else {
                throw ValidationError("\(option) is a number of seconds above 0")
            }
        }
    }

    /// `nil` where nothing was said.
    var timeouts: EndpointTimeouts? {
        guard timeout != nil || silence != nil else { return nil }
        return EndpointTimeouts(
            firstByte: silence, stall: silence, total: timeout, call: timeout.map { $0 * 2 })
    }
}

extension EndpointTimeouts? {
    /// These limits, and the others as they are.
    func over(_ usual: ChatTimeouts = ChatTimeouts()) -> ChatTimeouts {
        var limits = usual
        limits.firstByte = self?.firstByte.map { .seconds($0) } ?? usual.firstByte
        limits.stall = self?.stall.map { .seconds($0) } ?? usual.stall
        limits.total = self?.total.map { .seconds($0) } ?? usual.total
        limits.call = self?.call.map { .seconds($0) } ?? usual.call
        return limits
    }
}
