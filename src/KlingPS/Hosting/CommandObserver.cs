using System.Diagnostics;
using System.Globalization;
using System.Text;
using KlingPS.Core.Api;
using KlingPS.Core.Reporting;
using KlingPS.Core.Sessions;

namespace KlingPS.Hosting;

/// <summary>Tells the user, on the streams, what Core does in the background.</summary>
internal sealed class CommandObserver : IPipelineObserver
{
    /// <summary>How long a pause has to be for the user to hear of it without -Verbose.</summary>
    private static readonly TimeSpan s_longPause = TimeSpan.FromSeconds(45);

    private readonly Stopwatch _paused = new();
    private readonly ICommandStreams _streams;
    private readonly CommandProgress _progress;
    private readonly bool _verbose;
    private readonly RunLog? _log;
    private TimeSpan _pause;

    /// <summary>Creates the observer.</summary>
    /// <param name="streams">Where it writes.</param>
    /// <param name="progress">Shows transfers.</param>
    /// <param name="verbose">Whether verbose messages are shown; otherwise they are not even composed.</param>
    /// <param name="debug">Whether debug messages are shown.</param>
    /// <param name="log">The log of the command, if it has one.</param>
    public CommandObserver(ICommandStreams streams, CommandProgress progress, bool verbose, bool debug, RunLog? log = null)
    {
        _log = log;
        _streams = streams;
        _progress = progress;
        _verbose = verbose;
        WantsBodies = debug;
    }

    /// <inheritdoc/>
    public bool WantsBodies { get; }

    /// <inheritdoc/>
    public bool WantsEvents => _log is not null;

    /// <inheritdoc/>
    public void OnEvent(RunEvent happened) => _log?.Write(happened);

    /// <inheritdoc/>
    public void OnRequest(RequestReport report)
    {
        if (_verbose)
        {
            string text = Describe(report);
            _streams.Post(() => _streams.WriteVerbose(text));
        }

        if (WantsBodies && (report.RequestBody ?? report.ResponseBody) is not null)
        {
            string text = $"{report.Method} {report.Uri.AbsolutePath}\n> {report.RequestBody}\n< {report.ResponseBody}";
            _streams.Post(() => _streams.WriteDebug(text));
        }
    }

    /// <inheritdoc/>
    public void OnRetry(string reason, TimeSpan delay)
    {
        string text = string.Create(CultureInfo.InvariantCulture, $"{reason} Retrying in {delay.TotalSeconds:0.0} s.");
        if (delay >= s_longPause && IsFirstOfPause(delay))
        {
            // Nothing else moves meanwhile, so anyone who watches is told without asking.
            OnWarning(text);
        }
        else if (_verbose)
        {
            _streams.Post(() => _streams.WriteVerbose(text));
        }
    }

    /// <summary>Whether no other request of the command is waiting as long already: one warning is enough for all of them.</summary>
    private bool IsFirstOfPause(TimeSpan delay)
    {
        lock (_paused)
        {
            if (_paused.IsRunning && _paused.Elapsed < _pause)
            {
                return false;
            }

            _pause = delay;
            _paused.Restart();
            return true;
        }
    }

    /// <inheritdoc/>
    public void OnWarning(string message) => _streams.Post(() => _streams.WriteWarning(message));

    /// <inheritdoc/>
    public void OnNotice(string message)
    {
        if (_verbose)
        {
            _streams.Post(() => _streams.WriteVerbose(message));
        }
    }

    /// <inheritdoc/>
    public void OnTransfer(Transfer transfer) => _progress.OnTransfer(transfer);

    private static string Describe(RequestReport report)
    {
        var text = new StringBuilder($"{report.Method} {report.Uri.PathAndQuery}");
        text.Append(report.Status is int status ? string.Create(CultureInfo.InvariantCulture, $": HTTP {status}") : $": {report.Error}");
        if (report.Code is int code)
        {
            text.Append(CultureInfo.InvariantCulture, $", code {code}");
        }

        text.Append(CultureInfo.InvariantCulture, $", {report.Elapsed.TotalMilliseconds:0} ms");
        if (report.Subject is not null)
        {
            text.Append(CultureInfo.InvariantCulture, $", for '{report.Subject}'");
        }

        return text.ToString();
    }
}
