using KlingPS.Core.Api;
using KlingPS.Core.Scheduling;

namespace KlingPS.Core.Sessions;

/// <summary>
/// Questions to the service that are given up together: once it has refused one for a reason that holds for all, such as the key, the others fail with
/// the same error, without a request. An outage may be over a minute later. Safe for concurrent use.
/// </summary>
/// <param name="time">The clock.</param>
internal sealed class ServiceQuestions(TimeProvider time)
{
    private static readonly TimeSpan s_longestOutage = TimeSpan.FromMinutes(1);

    private volatile Refusal? _refusal;

    /// <summary>Asks a question.</summary>
    /// <exception cref="KlingException">What the service has refused the question for, or one before it.</exception>
    public async Task<T> AskAsync<T>(Func<Task<T>> ask)
    {
        ArgumentNullException.ThrowIfNull(ask);
        if (_refusal is Refusal refusal && (refusal.Error.Kind != ErrorKind.ServiceUnavailable || Instant.Now(time) - refusal.At < s_longestOutage))
        {
            throw refusal.Error;
        }

        try
        {
            return await ask().ConfigureAwait(false);
        }
        catch (KlingApiException exception) when (exception.IsFatal)
        {
            _refusal = new Refusal(exception, Instant.Now(time));
            throw;
        }
    }

    private sealed record Refusal(KlingException Error, Instant At);
}
