/// Ranks from 1, ties sharing their mean rank.
public func ranks(of values: [Double]) -> [Double] {
    let order = values.indices.sorted { values[$0] < values[$1] }
    var result = [Double](repeating: 0, count: values.count)
    var start = 0
    while start < order.count {
        var end = start
        while end + 1 < order.count, values[order[end + 1]] == values[order[start]] { end += 1 }
        let shared = Double(start + end) / 2 + 1
        for position in start...end { result[order[position]] = shared }
        start = end + 1
    }
    return result
}

/// Spearman's rank correlation, or `nil` for fewer than two values or when either side is constant.
public func spearman(_ left: [Double], _ right: [Double]) -> Double? {
    guard left.count == right.count, left.count > 1 else { return nil }
    return pearson(ranks(of: left), ranks(of: right))
}

/// Pearson's correlation, or `nil` for fewer than two values or when either side is constant.
public func pearson(_ left: [Double], _ right: [Double]) -> Double? {
    guard left.count == right.count, left.count > 1 else { return nil }
    let n = Double(left.count)
    let leftMean = left.reduce(0, +) / n
    let rightMean = right.reduce(0, +) / n
    var cross = 0.0
    var leftSquare = 0.0
    var rightSquare = 0.0
    for (x, y) in zip(left, right) {
        cross += (x - leftMean) * (y - rightMean)
        leftSquare += (x - leftMean) * (x - leftMean)
        rightSquare += (y - rightMean) * (y - rightMean)
    }
    guard leftSquare > 0, rightSquare > 0 else { return nil }
    return cross / (leftSquare * rightSquare).squareRoot()
}

/// Holm's step-down correction: the adjusted p-values, in the order given (Holm 1979).
public func holmAdjusted(_ pValues: [Double]) -> [Double] {
    let order = pValues.indices.sorted { pValues[$0] < pValues[$1] }
    var adjusted = pValues
    var running = 0.0
    for (position, index) in order.enumerated() {
        running = max(running, min(1, pValues[index] * Double(pValues.count - position)))
        adjusted[index] = running
    }
    return adjusted
}
