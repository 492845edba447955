using System.Globalization;
using KlingPS.Core.Ledger.Sql;

namespace KlingPS.Core.Ledger.Processes;

/// <summary>Owners that are processes of this machine, which the system knows. Nothing can be seen of processes of another machine or container.</summary>
/// <param name="current">This process.</param>
/// <param name="isAlive">Tells whether another process is still running; <see langword="null"/> when that cannot be seen.</param>
internal sealed class ProcessOwners(ProcessIdentity current, Func<ProcessIdentity, bool?> isAlive) : IAttemptOwners
{
    /// <inheritdoc/>
    public string Current { get; } = current.ToString();

    /// <inheritdoc/>
    public string Describe(string owner)
        => ProcessIdentity.Parse(owner) is { } process ? string.Create(CultureInfo.InvariantCulture, $"process {process.ProcessId} on {process.Machine}") : "another process";

    /// <inheritdoc/>
    public ValueTask<OwnerState> FindStateAsync(SqlSession session, string owner)
    {
        bool? alive = owner == Current ? true : ProcessIdentity.Parse(owner) is { } process ? isAlive(process) : null;
        return ValueTask.FromResult(alive switch
        {
            true => OwnerState.Alive,
            false => OwnerState.Gone,
            null => OwnerState.Unseen,
        });
    }
}
