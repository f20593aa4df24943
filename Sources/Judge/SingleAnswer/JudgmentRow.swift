import Foundation

/// One judgment as FastChat writes it: a row of `gpt-4_single.jsonl`.
public struct JudgmentRow: Decodable, Sendable, Equatable {
    public let question: QuestionID
    public let model: String
    /// The judge's model and the prompt's name.
    public let judge: [String]
    public let userPrompt: String
    /// The judge's words; `$ERROR$` when the judge gave none.
    public let judgment: String
    /// From 1 to 10; `nil` where there is none, or where the file has another number.
    public let score: Double?
    public let turn: Int
    /// Seconds since 1970.
    public let time: Double

    /// What FastChat writes in place of a judgment when its requests failed.
    public static let apiError = "$ERROR$"

    public init(
        question: QuestionID, model: String, judge: [String], userPrompt: String, judgment: String, score: Double?,
        turn: Int, time: Double
    ) {
        self.question = question
        self.model = model
        self.judge = judge
        self.userPrompt = userPrompt
        self.judgment = judgment
        self.score = score
        self.turn = turn
        self.time = time
    }

    enum CodingKeys: String, CodingKey {
        case model, judge, judgment, score, turn
        case question = "question_id"
        case userPrompt = "user_prompt"
        case time = "tstamp"
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        question = try container.decode(QuestionID.self, forKey: .question)
        model = try container.decode(String.self, forKey: .model)
        judge = try container.decode([String].self, forKey: .judge)
        userPrompt = try container.decode(String.self, forKey: .userPrompt)
        judgment = try container.decode(String.self, forKey: .judgment)
        let written = try container.decode(Double.self, forKey: .score)
        score = Rating.scale.contains(written) ? written : nil
        turn = try container.decode(Int.self, forKey: .turn)
        time = try container.decode(Double.self, forKey: .time)
    }

    /// The number that FastChat reads in this judgment, on the scale or not: what its own mean is taken over.
    public var fastChatScore: Double? {
        guard judgment != Self.apiError else { return nil }
        return Rating.asFastChatReads(judgment) ?? score
    }

    /// The row as a line of JSON, byte for byte as Python's `json.dumps` writes it, without the newline.
    public var line: String {
        let id =
            switch question {
            case .number(let number): "\(number)"
            case .text(let text): Self.quoted(text)
            }
        return "{\"question_id\": \(id), \"model\": \(Self.quoted(model)), "
            + "\"judge\": [\(judge.map(Self.quoted).joined(separator: ", "))], "
            + "\"user_prompt\": \(Self.quoted(userPrompt)), \"judgment\": \(Self.quoted(judgment)), "
            + "\"score\": \(Self.number(score ?? -1)), \"turn\": \(turn), \"tstamp\": \(time)}"
    }

    private static func number(_ value: Double) -> String {
        Int(exactly: value).map { "\($0)" } ?? (value.isFinite ? "\(value)" : "-1")
    }

    /// A JSON string in ASCII.
    static func quoted(_ text: String) -> String {
        var output: [UInt8] = [UInt8(ascii: "\"")]
        output.reserveCapacity(text.utf8.count + 2)
        let digits = Array("0123456789abcdef".utf8)
        for unit in text.utf16 {
            switch unit {
            case 0x22: output += Array("\\\"".utf8)
            case 0x5C: output += Array("\\\\".utf8)
            case 0x0A: output += Array("\\n".utf8)
            case 0x0D: output += Array("\\r".utf8)
            case 0x09: output += Array("\\t".utf8)
            case 0x08: output += Array("\\b".utf8)
            case 0x0C: output += Array("\\f".utf8)
            case 0x20...0x7E: output.append(UInt8(unit))
            default:
                output += Array("\\u".utf8)
                for shift in [12, 8, 4, 0] { output.append(digits[Int(unit >> UInt16(shift)) & 15]) }
            }
        }
        output.append(UInt8(ascii: "\""))
        return String(decoding: output, as: UTF8.self)
    }

    /// Reads a judgment file; of rows for the same call the last one counts.
    public static func read(_ path: String) throws -> [JudgmentRow] {
        let rows: [JudgmentRow] = try readJSONLines(path)
        return latest(of: rows)
    }

    struct Key: Hashable {
        let model: String
        let judge: [String]
        let question: QuestionID
        let turn: Int
    }

    var key: Key { Key(model: model, judge: judge, question: question, turn: turn) }

    /// One row a call, in the order in which the calls first appear.
    static func latest(of rows: [JudgmentRow]) -> [JudgmentRow] {
        var places: [Key: Int] = [:]
        var kept: [JudgmentRow] = []
        for row in rows {
            if let place = places[row.key] {
                kept[place] = row
            } else {
                places[row.key] = kept.count
                kept.append(row)
            }
        }
        return kept
    }
}
