import Foundation
import LabCore

/// A line that is no worker event.
public struct WorkerProtocolError: Error, CustomStringConvertible {
    public let line: String
    public let reason: String

    public var description: String {
        "the worker sent a line that is not part of the protocol (\(reason)): \(line.prefix(200))"
    }
}

extension WorkerEvent {
    /// Decodes one line of the worker's event stream.
    public init(line: String) throws {
        let data = Data(line.utf8)
        let decoder = JSONDecoder()
        do {
            let head = try decoder.decode(Head.self, from: data)
            switch head.event {
            case "ready":
                self = .ready(try decoder.decode(WorkerReady.self, from: data))
            case "metrics":
                let body = try decoder.decode(Metrics.self, from: data)
                self = .metrics(id: body.id, step: body.step, values: body.values)
            case "report":
                let body = try decoder.decode(Report.self, from: data)
                self = .report(
                    id: body.id,
                    WorkerReport(
                        status: body.status, rejection: body.rejection, error: body.error, trace: body.trace,
                        line: line))
            case "fatal":
                self = .fatal(head.error ?? "no reason given", logged: head.logged ?? false)
            default:
                throw WorkerProtocolError(line: line, reason: "unknown event \(head.event)")
            }
        } catch let error as DecodingError {
            throw WorkerProtocolError(line: line, reason: error.sentence)
        }
    }

    private struct Head: Decodable {
        let event: String
        let error: String?
        let logged: Bool?
    }

    private struct Metrics: Decodable {
        let id: String
        let step: Int
        let values: [String: Double]
    }

    private struct Report: Decodable {
        let id: String
        let status: WorkerReport.Status
        let rejection: Rejection?
        let error: String?
        let trace: String?
    }
}

extension WorkerReport {
    /// The kind's own result.
    public func result<Result: Decodable>(as type: Result.Type) throws -> Result {
        do {
            return try JSONDecoder().decode(Envelope<Result>.self, from: Data(line.utf8)).result
        } catch let error as DecodingError {
            throw WorkerProtocolError(line: line, reason: error.sentence)
        }
    }

    private struct Envelope<Result: Decodable>: Decodable {
        let result: Result
    }
}
