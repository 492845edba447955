using System.Diagnostics;
using System.Diagnostics.Metrics;
using KlingPS.Core.Model;

namespace KlingPS.Core.Reporting;

/// <summary>
/// The traces and metrics that tools can listen to, under the name <c>KlingPS</c>. The names follow the conventions of OpenTelemetry, and
/// the units follow UCUM. While nobody listens, nothing is measured, composed or allocated.
/// </summary>
internal static class KlingTelemetry
{
    /// <summary>The name of the source of activities and of the meter.</summary>
    public const string Name = "KlingPS";

    private const string Model = "klingps.model";
    private const string State = "klingps.task.state";

    private static readonly string? s_version = typeof(KlingTelemetry).Assembly.GetName().Version?.ToString(3);
    private static readonly ActivitySource s_source = new(Name, s_version);
    private static readonly Meter s_meter = new(Name, s_version);

    private static readonly Counter<long> s_submitted = s_meter.CreateCounter<long>("klingps.tasks.submitted", "{task}", "Tasks that the service has accepted.");
    private static readonly Counter<long> s_ended = s_meter.CreateCounter<long>("klingps.tasks.ended", "{task}", "Tasks that have ended, by their state.");
    private static readonly Counter<double> s_credits = s_meter.CreateCounter<double>("klingps.credits.consumed", "{credit}", "Credits that tasks have cost.");
    private static readonly Histogram<double> s_generation = s_meter.CreateHistogram<double>("klingps.task.duration", "s", "From the acceptance of a task to its end, by the times of the service.");
    private static readonly Counter<long> s_saved = s_meter.CreateCounter<long>("klingps.videos.saved", "{video}", "Videos that were brought to disk.");
    private static readonly Counter<long> s_bytes = s_meter.CreateCounter<long>("klingps.download.io", "By", "Bytes of videos that were brought to disk.");
    private static readonly Histogram<double> s_download = s_meter.CreateHistogram<double>("klingps.download.duration", "s", "How long a video took to come to disk.");
    private static readonly Counter<long> s_errors = s_meter.CreateCounter<long>("klingps.errors", "{error}", "Errors that were reported, by their id.");

    /// <summary>Whether anybody listens to the traces.</summary>
    public static bool IsTraced => s_source.HasListeners();

    /// <summary>Begins to trace a piece of work; <see langword="null"/> while nobody listens.</summary>
    /// <param name="name">The name of the work, one of a small set.</param>
    /// <param name="subject">The image.</param>
    public static Activity? Start(string name, string? subject)
    {
        Activity? activity = s_source.StartActivity(name);
        if (activity is not null && subject is not null)
        {
            activity.SetTag("klingps.image", subject);
        }

        return activity;
    }

    /// <summary>Names the task of a piece of work, if there is one.</summary>
    public static void TagIf(this Activity activity, KlingVideoTask? task)
    {
        ArgumentNullException.ThrowIfNull(activity);
        if (task is null)
        {
            return;
        }

        activity.SetTag("klingps.task.id", task.Id).SetTag("klingps.task.service_id", task.TaskId).SetTag(Model, task.Model).SetTag(State, task.State);
    }

    /// <summary>Marks a piece of work as failed.</summary>
    /// <returns>Always <see langword="false"/>, so that an exception filter can call it and catch nothing.</returns>
    public static bool Fail(this Activity activity, KlingException error)
    {
        ArgumentNullException.ThrowIfNull(activity);
        ArgumentNullException.ThrowIfNull(error);
        activity.SetTag("error.type", ErrorCatalog.IdOf(error.Kind)).SetStatus(ActivityStatusCode.Error, error.Message);
        return false;
    }

    /// <summary>The service has accepted a task.</summary>
    public static void OnSubmitted(KlingVideoTask task)
    {
        if (s_submitted.Enabled)
        {
            s_submitted.Add(1, new KeyValuePair<string, object?>(Model, task.Model));
        }
    }

    /// <summary>A task has ended.</summary>
    public static void OnEnded(KlingVideoTask task)
    {
        if (s_ended.Enabled)
        {
            s_ended.Add(1, new KeyValuePair<string, object?>(Model, task.Model), new KeyValuePair<string, object?>(State, task.State));
        }

        if (s_credits.Enabled && task.CreditsConsumed is decimal credits and > 0)
        {
            s_credits.Add((double)credits, new KeyValuePair<string, object?>(Model, task.Model));
        }

        if (s_generation.Enabled && task is { AcceptedAt: DateTimeOffset accepted, CompletedAt: DateTimeOffset completed } && completed >= accepted)
        {
            s_generation.Record((completed - accepted).TotalSeconds, new KeyValuePair<string, object?>(Model, task.Model), new KeyValuePair<string, object?>(State, task.State));
        }
    }

    /// <summary>A video was saved.</summary>
    public static void OnSaved(KlingVideoTask task, long bytes, TimeSpan elapsed)
    {
        if (s_saved.Enabled)
        {
            s_saved.Add(1, new KeyValuePair<string, object?>(Model, task.Model));
        }

        if (s_bytes.Enabled)
        {
            s_bytes.Add(bytes);
        }

        if (s_download.Enabled)
        {
            s_download.Record(elapsed.TotalSeconds);
        }
    }

    /// <summary>An error was reported.</summary>
    public static void OnError(ErrorKind kind)
    {
        if (s_errors.Enabled)
        {
            s_errors.Add(1, new KeyValuePair<string, object?>("error.type", ErrorCatalog.IdOf(kind)));
        }
    }
}
