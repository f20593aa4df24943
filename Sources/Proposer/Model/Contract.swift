/// What a loss must be: the text that writing and repairing steps are handed.
public enum Contract {
    /// Its signature and what it returns, then what is asked of it; no code that could be sent back as an answer.
    public static let text = """
        The function is loss(\(ShortLoss.parameters)).
        The first four arguments are tensors of shape (B,): summed log-probabilities in nats, about -10 to -500, of the \
        chosen and the rejected answer under the policy, which is trained, and the reference, which is frozen. beta is a \
        float, about 0.05, that only scales log-probabilities.
        It returns one loss value per pair, shape (B,), without .mean() or .sum(). The value falls as \
        policy_chosen_logps rises and as policy_rejected_logps falls. Values and gradients are finite for any input.
        It uses torch, torch.nn.functional as F and math; every other constant is a number in the code.
        """
}
