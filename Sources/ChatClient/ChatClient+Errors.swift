import Foundation
import LabCore

/// Troubles in words: the endpoint, what happened, what to do.
extension ChatClient {
    /// A server's refusal.
    func describe(
        _ complaint: ServerComplaint, _ response: HTTPResponse?, _ request: ChatRequest, _ options: BodyOptions
    ) -> AttemptFailure {
        let said = Self.shortened(secrets.scrubbed(complaint.message))
        let answer = "HTTP \(complaint.status)" + (said.isEmpty ? "" : ": \(said)")
        let wait = response.flatMap { RetrySchedule.asked(by: $0, now: Date()) } ?? complaint.wait
        let model = request.model
        func failure(
            _ kind: ChatError.Kind, _ story: String, retry: Bool = false,
            _ adaptation: Adaptations.Adaptation? = nil
        ) -> AttemptFailure {
            AttemptFailure(
                error: ChatError(kind, "\(endpoint.name) \(story)", status: complaint.status), canRetry: retry,
                wait: retry ? wait : nil, mayBeCharged: false, adaptation: adaptation)
        }
        switch complaint.meaning(request, options) {
        case .refusedKey: return failure(.refusedKey, "refuses the key (\(answer)); \(keyAdvice)")
        case .unknownModel:
            return failure(.unknownModel, "knows no model \(model) (\(answer)); check the model's name")
        case .contextOverflow:
            return failure(
                .contextOverflow,
                "cannot take so long a request for \(model) (\(answer)); shorten the messages or the limit of tokens")
        case .contentRefused: return failure(.contentRefused, "refuses the request for its content (\(answer))")
        case .quotaUsedUp:
            return failure(.rateLimited, "has no credit left for this key (\(answer)); add credit, then resume")
        case .tooManyRequests:
            return failure(
                .rateLimited,
                "gets too many requests (\(answer)); lower concurrency, or set requestsPerMinute or tokensPerMinute",
                retry: true)
        case .temporaryTrouble:
            // LiteLLM without a database answers so to a request without a key.
            let hint = secrets.key == nil && !isLoopback ? "; no key was sent" : ""
            return failure(.serverError, "has trouble (\(answer))\(hint)", retry: true)
        case .wants(let adaptation):
            return failure(.badRequest, "refuses the request (\(answer))", adaptation)
        case .badRequest: return failure(.badRequest, "refuses the request (\(answer))")
        case .wrongPlace:
            return failure(
                .configuration,
                request.prompt == nil
                    ? "has no chat API at \(url(of: request)) (\(answer)); baseURL usually ends in /v1, and no "
                        + "redirect is followed"
                    : "completes no text at \(url(of: request)) (\(answer)); baseURL usually ends in /v1; a server "
                        + "without text completions can be asked in the chat form")
        }
    }

    private var keyAdvice: String {
        if let file = endpoint.keyFile { return "check the key in \(file)" }
        if let variable = endpoint.keyEnvironment, secrets.key != nil {
            return "check the environment variable \(variable)"
        }
        return "no key was sent; name its environment variable in keyEnvironment, or its file in keyFile"
    }

    /// No answer, or none to its end.
    func describe(_ failure: TransportFailure, _ request: ChatRequest) -> AttemptFailure {
        let limits = endpoint.timeouts
        let (kind, story): (ChatError.Kind, String) =
            switch failure.kind {
            case .connectTimeout: (.timedOut, "could not be reached within \(limits.connect.text) (timeouts.connect)")
            case .firstByteTimeout:
                (.timedOut, "sent nothing for \(limits.firstByte.text) (timeouts.firstByte)")
            case .stalled: (.timedOut, "stopped sending for \(limits.stall.text) (timeouts.stall)")
            case .totalTimeout: (.timedOut, "took longer than \(limits.total.text) (timeouts.total)")
            case .tooLarge: (.malformedReply, "sent more than \(HTTPRequest.largestBodyText)")
            case .cancelled: (.cancelled, "was left by a cancelled call")
            case .brokenOff: (.malformedReply, "sent a stream that cannot be read")
            case .untrusted:
                (
                    .network,
                    "has a certificate that is not trusted (\(failure.message)); if it is yours, name it in caFile"
                )
            case .connection: (.network, "could not be talked to: \(secrets.scrubbed(failure.message))")
            case .unusable: (.configuration, "cannot be asked: \(secrets.scrubbed(failure.message))")
            }
        let canRetry =
            switch failure.kind {
            case .connectTimeout, .firstByteTimeout, .stalled, .totalTimeout, .connection, .brokenOff: true
            case .tooLarge, .cancelled, .untrusted, .unusable: false
            }
        return AttemptFailure(
            error: ChatError(kind, "\(endpoint.name) (\(url(of: request))) \(story)"), canRetry: canRetry,
            mayBeCharged: failure.wasSent)
    }

    private static func shortened(_ text: String) -> String {
        let line = text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        return line.count <= 400 ? line : line.prefix(400) + "..."
    }
}
