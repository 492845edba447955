using KlingPS.Core.Ledger;
using KlingPS.Core.Ledger.Spool;

namespace KlingPS.Core.Sessions;

/// <summary>
/// Whether a command has lost its ledger while it was at work, as a database on a server can be lost: it then buys nothing more, brings the
/// finished videos to disk, and ends with one error. Safe for concurrent use.
/// </summary>
/// <param name="ledger">The ledger. It can be lost only if what cannot be recorded is kept on this machine.</param>
internal sealed class LedgerLoss(ITaskLedger ledger)
{
    private volatile KlingException? _error;

    /// <summary>Raised once when the ledger is lost, on any thread.</summary>
    public event Action? Happened;

    /// <summary>How it was lost; <see langword="null"/> as long as it is not.</summary>
    public KlingException? Error => _error;

    /// <summary>Whether an error says that a ledger is lost which a command can continue without.</summary>
    public static bool IsOf(ITaskLedger ledger, Exception exception) => exception is KlingException { Kind: ErrorKind.LedgerUnusable } && ledger.KeepsAnswers;

    /// <summary>Takes note of an error.</summary>
    /// <returns>Whether it says that the ledger is lost, and the command can continue without it with what is under way.</returns>
    public bool Note(Exception exception)
    {
        if (!IsOf(ledger, exception))
        {
            return false;
        }

        var error = (KlingException)exception;
        error.Advice = AnswerSpool.HowToGoOn;
        if (Interlocked.CompareExchange(ref _error, error, null) is null)
        {
            Happened?.Invoke();
        }

        return true;
    }
}
