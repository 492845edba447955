using KlingPS.Core.Model;

namespace KlingPS.Core.Ledger;

/// <summary>Which tasks to list. A property that is not set lets every task through.</summary>
internal sealed record TaskFilter
{
    /// <summary>Only tasks of this account.</summary>
    public string? Account { get; init; }

    /// <summary>Only tasks in one of these states.</summary>
    public IReadOnlyCollection<KlingTaskState>? States { get; init; }

    /// <summary>Only tasks submitted at or after this moment.</summary>
    public DateTimeOffset? Since { get; init; }

    /// <summary>Only requests that this process has sent, while they are under way or after their response was lost.</summary>
    public bool IsOwnAttempt { get; init; }

    /// <summary>Only finished videos that have not been saved or taken elsewhere.</summary>
    public bool Unsaved { get; init; }

    /// <summary>Only finished videos whose link is expected to expire at or before this moment; see <see cref="KlingVideoTask.ExpiresAt"/>. Not those that were taken elsewhere.</summary>
    public DateTimeOffset? ExpiresBy { get; init; }
}
