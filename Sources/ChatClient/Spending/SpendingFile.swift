#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif
import Foundation
import Synchronization

/// What a run's requests cost, in a file that only grows; from it a resumed run knows what is spent.
///
/// Every request has two lines: one before it is sent, with the most that it can cost, and one when that is known. A
/// request that a killed process left without its second line counts as spent at its most: nobody can tell whether the
/// provider charged for it. Lines reach the kernel before anything is sent, so a killed process loses none; they are not
/// forced to the disk, so a machine that loses power may lose the last ones.
public final class SpendingFile: Sendable {
    /// The most that one request on its way can cost.
    struct Reservation: Codable {
        let number: Int
        let purpose: ChatPurpose
        let model: String
        let usd: Double
        let tokens: Int

        /// As what it counts while nobody knows what came of it.
        var spending: ChatSpending {
            var spending = ChatSpending()
            spending.calls = 1
            spending.unanswered = 1
            spending.possibleCost = usd
            spending.possibleTokens = tokens
            return spending
        }
    }

    private struct Line: Codable {
        /// Begins a reservation.
        var reserved: Reservation?
        /// Ends the reservation of this number: the server took nothing for it.
        var released: Int?
        /// Ends the reservation of this number with what stands beside.
        var settled: Int?
        var row: ChatTotals.Row?
        var outcome: String?
        var endpoint: String?
        var seconds: Double?
    }

    public let path: String
    private let descriptor: Int32
    private let lastNumber: Mutex<Int>

    /// Opens the file, which is made where it is missing.
    ///
    /// - Throws: `ChatError` of kind `configuration` that names the file.
    public convenience init(_ path: String) throws {
        let content = Self.read(path)
        let descriptor = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw Self.unwritable(path) }
        self.init(path, descriptor: descriptor, last: content.last)
        // What a kill cut off stays as it is, on a line of its own.
        if !content.endsInALine { try append([]) }
    }

    /// - Parameters:
    ///   - descriptor: closed with this object.
    ///   - last: the highest number in the file.
    init(_ path: String, descriptor: Int32, last: Int = 0) {
        self.path = path
        self.descriptor = descriptor
        lastNumber = Mutex(last)
    }

    deinit { close(descriptor) }

    private static func unwritable(_ path: String) -> ChatError {
        ChatError(
            .configuration,
            "\(path) cannot be written (\(String(cString: strerror(errno)))), so no model is asked: what it costs could not "
                + "be kept")
    }

    // MARK: Writing

    /// Written when it returns.
    func reserve(_ amount: Amount, for purpose: ChatPurpose, model: String) throws -> Int {
        let number = lastNumber.withLock { last in
            last = last.plus(1)
            return last
        }
        try append(
            Line(
                reserved: Reservation(
                    number: number, purpose: purpose, model: model, usd: amount.usd, tokens: amount.tokens)))
        return number
    }

    /// What cannot be written here leaves the reservation open, which counts more rather than less.
    func release(_ number: Int) { try? append(Line(released: number)) }

    /// - Parameter number: the reservation that ends; `nil` for a reply that cost nothing.
    func settle(_ number: Int?, _ call: ChatCall, _ spending: ChatSpending) {
        try? append(
            Line(
                settled: number,
                row: ChatTotals.Row(purpose: call.purpose, model: call.model, spending: spending),
                outcome: call.outcome, endpoint: call.endpoint, seconds: call.seconds))
    }

    /// Enters what was spent before the file was there.
    ///
    /// - Throws: `ChatError` of kind `configuration` that names the file.
    public func book(_ totals: ChatTotals) throws {
        for row in totals.rows { try append(Line(row: row, outcome: "booked")) }
    }

    private func append(_ line: Line) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        try append([UInt8](try encoder.encode(line)))
    }

    private func append(_ line: [UInt8]) throws {
        let bytes = line + [UInt8(ascii: "\n")]
        // One call a line, so that lines of different tasks never mix and a kill leaves a line whole or absent.
        guard write(descriptor, bytes, bytes.count) == bytes.count else { throw Self.unwritable(path) }
    }

    // MARK: Reading

    /// What a file says.
    public struct Content: Sendable {
        /// All that is spent, or may be.
        public let totals: ChatTotals
        /// The part of it for requests without an end: on their way now, or when the process was killed.
        public let open: ChatSpending
        fileprivate let last: Int
        fileprivate let endsInALine: Bool
    }

    /// Reads a file that may be missing, or be written at this moment; a line that was cut off is left out.
    public static func read(_ path: String) -> Content {
        let data = FileManager.default.contents(atPath: path) ?? Data()
        let decoder = JSONDecoder()
        var rows: [ChatTotals.Row] = []
        var open: [Int: Reservation] = [:]
        var last = 0
        for piece in data.split(separator: UInt8(ascii: "\n")) {
            guard let line = try? decoder.decode(Line.self, from: piece) else { continue }
            if let reservation = line.reserved {
                open[reservation.number] = reservation
                last = max(last, reservation.number)
            }
            if let number = line.released ?? line.settled { open[number] = nil }
            if let row = line.row { rows.append(row) }
        }
        let left = open.values.sorted { $0.number < $1.number }
        var lost = ChatSpending()
        for reservation in left { lost.add(reservation.spending) }
        rows += left.map { ChatTotals.Row(purpose: $0.purpose, model: $0.model, spending: $0.spending) }
        return Content(
            totals: ChatTotals(rows: rows), open: lost, last: last,
            endsInALine: data.isEmpty || data.last == UInt8(ascii: "\n"))
    }
}
