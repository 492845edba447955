namespace KlingPS.Bench;

/// <summary>How much torture, and of which kind.</summary>
public sealed record TortureOptions
{
    /// <summary>How many processes are killed, at least; the last rounds are brought to their end.</summary>
    public int Points { get; init; } = 40;

    /// <summary>Images in a round: at most 20, since more would wait for the limit of creates.</summary>
    public int Images { get; init; } = 12;

    /// <summary>Decides when to kill and which answers are lost. How the processes run between is the machine's choice.</summary>
    public int Seed { get; init; } = 1;

    /// <summary>The chance, 0 to 1, that a create's answer is lost after it was accepted; and the same again for before.</summary>
    public double AnswersLost { get; init; } = 0.05;

    /// <summary>Rounds under way at the same time. They share nothing.</summary>
    public int Workers { get; init; } = 3;

    /// <summary>Is told of every finished round.</summary>
    public Action<string>? Progress { get; init; }
}
