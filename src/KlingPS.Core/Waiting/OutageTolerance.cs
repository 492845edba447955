using KlingPS.Core.Api;
using KlingPS.Core.Scheduling;

namespace KlingPS.Core.Waiting;

/// <summary>Decides how long to put up with a service that does not answer. Thread-safe.</summary>
/// <param name="time">The clock.</param>
/// <param name="countsFromLastAnswer">
/// Whether the service counts as away since it last answered; an outage before its first answer is not tolerated then, because the
/// client's own retries are enough. Otherwise, it counts as away since the first of a task's consecutive failures.
/// </param>
internal sealed class OutageTolerance(TimeProvider time, bool countsFromLastAnswer)
{
    /// <summary>As a timestamp; 0 before the first answer.</summary>
    private long _lastAnswer;

    /// <summary>Called when the service has answered.</summary>
    public void OnAnswered() => Volatile.Write(ref _lastAnswer, time.GetTimestamp());

    /// <summary>Whether to try again after an error.</summary>
    /// <param name="exception">The error.</param>
    /// <param name="failingSince">When the first of the consecutive failures happened.</param>
    public bool Tolerates(KlingException exception, Instant failingSince)
    {
        long answered = Volatile.Read(ref _lastAnswer);

        // A service that has just answered has not moved: a gateway in front of it has lost its way for a moment.
        if (exception is not KlingApiException { IsTransient: true } && (exception.Kind != ErrorKind.EndpointWrong || answered == 0))
        {
            return false;
        }

        return !countsFromLastAnswer ? Instant.Now(time) - failingSince < PollLimits.LongestOutage
            : answered != 0 && time.GetElapsedTime(answered) < PollLimits.LongestOutage;
    }
}
