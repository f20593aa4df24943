extension DecodingError {
    /// What a file or line lacks, in words for its reader.
    public var sentence: String {
        func place(_ context: Context) -> String {
            let path = context.codingPath.map { $0.intValue.map { "\($0)" } ?? $0.stringValue }
            return path.isEmpty ? "" : " at \(path.joined(separator: "."))"
        }
        switch self {
        case .keyNotFound(let key, let context): return "`\(key.stringValue)` is missing\(place(context))"
        case .typeMismatch(_, let context), .valueNotFound(_, let context):
            return context.debugDescription + place(context)
        case .dataCorrupted(let context): return "no JSON: \(context.debugDescription)"
        @unknown default: return String(describing: self)
        }
    }
}
