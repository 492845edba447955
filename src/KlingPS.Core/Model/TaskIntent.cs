using System.Security.Cryptography;

namespace KlingPS.Core.Model;

/// <summary>A purchase that is about to be made.</summary>
internal sealed record TaskIntent
{
    /// <summary>The account that pays, as a fingerprint of key and endpoint.</summary>
    public required string Account { get; init; }

    /// <summary>The video to buy.</summary>
    public required VideoSpec Spec { get; init; }

    /// <summary>What makes two purchases the same: see <see cref="VideoSpec.GetIdentity"/>.</summary>
    public required string Identity { get; init; }

    /// <summary>Credits to set aside; <see langword="null"/> if the price is not known, which is over every limit of credits.</summary>
    public required decimal? Credits { get; init; }

    /// <summary>The run of the command that makes it; see <see cref="Model.RunId"/>. <see langword="null"/> outside a run.</summary>
    public string? RunId { get; init; }

    /// <summary>The limits that hold; <see langword="null"/> for none.</summary>
    public BudgetLimit? Budget { get; init; }

    /// <summary>The run that it is recorded under, and whose limits it counts against; <see langword="null"/> outside a run.</summary>
    public string? RecordedRunId => RunId ?? Budget?.RunId;

    /// <summary>The unknown attempt that this purchase replaces. It is abandoned in each step that records an attempt at the purchase, and unknown again when that is rejected.</summary>
    public KlingVideoTask? Replaces { get; init; }

    /// <summary>
    /// The attempts at this purchase that were settled before their request was sent, the first one first. If one of them was given up or the
    /// video bought meanwhile, no other is made. Empty if earlier purchases are used anyway.
    /// </summary>
    public IReadOnlyList<KlingVideoTask> Former { get; init; } = [];

    /// <summary>
    /// The last failed attempt at the video that the buyer knows of; 0 for none. If somebody else's has failed since, a claim finds that one,
    /// because only the buyer can decide whether to buy the video again. <see langword="null"/> if it does not matter what failed.
    /// </summary>
    public long? LastFailure { get; init; }

    /// <summary>Whether nothing is bought if another account has bought the video, or may have, at the same service.</summary>
    public bool RespectsOtherAccounts { get; init; }

    /// <summary>
    /// How long the request can be under way, with everything that is done to record its outcome. If its process cannot be seen,
    /// it counts as lost after that.
    /// </summary>
    public TimeSpan AnswerWithin { get; init; } = TimeSpan.FromHours(1);

    /// <summary>Identifies the attempt: 128 random bits in lower-case hex. A callback that carries the nonce settles the attempt.</summary>
    public string Nonce { get; init; } = CreateNonce();

    /// <summary>The same purchase in another attempt.</summary>
    public TaskIntent Renew() => this with { Nonce = CreateNonce() };

    private static string CreateNonce() => Convert.ToHexString(RandomNumberGenerator.GetBytes(16)).ToLowerInvariant();
}
