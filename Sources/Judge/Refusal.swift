/// Whether a reply without a rating says that the judge will not judge.
///
/// "I cannot find any error" is praise: what it is that a judge cannot do decides.
func soundsLikeRefusal(_ text: String) -> Bool {
    let opening = text.prefix(300).lowercased().replacing("\u{2019}", with: "'")
    guard
        ["cannot", "can't", "can not", "won't", "will not", "unable", "not able", "decline", "as an ai"].contains(
            where: opening.contains)
    else {
        return false
    }
    let refusal =
        /(?:\b(?:i|we)(?: am| 'm|'m)? ?(?:really |afraid )?(?:cannot|can't|can not|won't|will not|unable to|not able to|must decline to|decline to)|as an ai[^.]{0,60}?(?:cannot|can't|unable to|not able to)) (?:\w+ ){0,2}?(?:assist|help|rate|judge|grade|evaluate|assess|score|compare|comply|engage|participate|continue|fulfil|fulfill|process|answer|respond|do (?:this|that|so)|(?:provide|give|offer|assign) (?:\w+ ){0,3}?(?:rating|score|grade|judg|evaluation|assessment|verdict|feedback|help|assistance|comparison|opinion))/
    return opening.contains(refusal) || opening.contains(/\b(?:must|have to) decline\b|\bi decline\b/)
}
