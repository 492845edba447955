using KlingPS.Core.Ledger.Sql;

namespace KlingPS.Core.Ledger.Processes;

/// <summary>Owners that are processes of this machine, which the system knows. Of those of another machine nothing can be known.</summary>
/// <param name="current">This process.</param>
/// <param name="isAlive">Tells whether another process is still running; <see langword="null"/> when that cannot be known.</param>
internal sealed class ProcessOwners(ProcessIdentity current, Func<ProcessIdentity, bool?> isAlive) : IAttemptOwners
{
    /// <summary>No create request can be under way for longer. From then on, an owner of whom nothing can be known counts as gone.</summary>
    private static readonly TimeSpan s_longestAttempt = TimeSpan.FromHours(1);

    /// <inheritdoc/>
    public string Current { get; } = current.ToString();

    /// <inheritdoc/>
    public async ValueTask<bool> IsGoneAsync(SqlSession session, string owner, DateTimeOffset since)
    {
        if (owner == Current)
        {
            return false;
        }

        return isAlive(ProcessIdentity.Parse(owner)) is bool known
            ? !known
            : (await session.GetTimeAsync().ConfigureAwait(false)).Now - since >= s_longestAttempt;
    }
}
