using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Threading.Channels;
using KlingPS.Core.Files;
using KlingPS.Core.Model;

namespace KlingPS.Core.Reporting;

/// <summary>
/// Appends what happens in a run to a file, one JSON object to a line. The file is opened for each write, so it may be renamed at any
/// time, and every write consists of whole lines, so those of several processes do not mix. Safe for concurrent use; nobody waits for the file.
/// </summary>
internal sealed class RunLog : IAsyncDisposable
{
    /// <summary>In bytes; queued lines are written together.</summary>
    private const int LongestWrite = 64 * 1024;

    /// <summary>How much of a message is logged, in characters.</summary>
    private const int LongestMessage = 2000;

    private const int MaxAttempts = 100;

    /// <summary>What every line begins with.</summary>
    private static readonly byte[] s_beginning = "{\"time\":\""u8.ToArray();

    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(10);
    private static readonly JsonWriterOptions s_format = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly Channel<Entry> _entries = Channel.CreateUnbounded<Entry>(new UnboundedChannelOptions { SingleReader = true });
    private readonly RunLogOptions _options;
    private readonly Task _writing;
    private int _lost;
    private bool _isTold;
    private bool _isCut;

    /// <summary>Creates the log. The file and its folder are created if they are missing.</summary>
    public RunLog(RunLogOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        _options = options;
        _writing = Task.Run(WriteAsync);
    }

    /// <summary>Refuses to append to anything that is not a log: an image, a video, or whatever else the path names by mistake.</summary>
    /// <param name="path">The full path; a file that does not exist yet, or is empty, will become a log.</param>
    /// <exception cref="KlingException"><see cref="ErrorKind.FileExists"/>: there is a file with something else in it.</exception>
    public static void RequireLog(string path)
    {
        try
        {
            if (FileFacts.OfName(path) is not { Kind: FileKind.Ordinary, Length: > 0 })
            {
                return;
            }

            if (OrdinaryFile.ReadBeginning(path, s_beginning.Length, FileShare.ReadWrite | FileShare.Delete).AsSpan().SequenceEqual(s_beginning))
            {
                return;
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // The file cannot be read, so nothing can be appended either: the attempt to append will report that.
            return;
        }

        throw new KlingException(ErrorKind.FileExists, $"'{path}' is not a log of KlingPS, and nothing was added to it.")
        {
            Advice = "Give the log another path with -LogPath, or with LogPath in the configuration.",
        };
    }

    /// <summary>Takes an event, which is written a moment later.</summary>
    public void Write(RunEvent happened)
    {
        ArgumentNullException.ThrowIfNull(happened);
        _entries.Writer.TryWrite(new Entry(_options.Redact(Format(happened)), null));
    }

    /// <summary>Waits until every event so far has been written, or writing it has failed.</summary>
    public Task FlushAsync()
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        return _entries.Writer.TryWrite(new Entry(null, done)) ? done.Task : _writing;
    }

    /// <summary>Takes no more events, and writes the remaining ones.</summary>
    public async ValueTask DisposeAsync()
    {
        _entries.Writer.TryComplete();
        await _writing.ConfigureAwait(false);
    }

    private string Format(RunEvent happened)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream, s_format))
        {
            KlingVideoTask? task = happened.Task;
            json.WriteStartObject();
            json.WriteString("time", _options.TimeProvider.GetUtcNow().UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture));
            json.WriteString("runId", _options.RunId);
            json.WriteString("command", _options.Command);
            json.WriteString("event", happened.Kind.ToString().ToLowerInvariant());
            Text("image", happened.Subject ?? task?.Subject);
            Number("id", task?.Id ?? happened.TaskNumber);
            Text("taskId", task?.TaskId);
            Text("state", task?.State);
            Text("step", happened.Step);
            Number("credits", happened.Credits);
            Text("file", happened.File);
            Number("bytes", happened.Bytes);
            Text("hash", happened.Hash);
            Text("errorId", happened.ErrorId);
            Text("message", VisibleText.InLine(happened.Message, LongestMessage));
            json.WriteEndObject();

            void Text(string name, string? value)
            {
                if (value is not null)
                {
                    json.WriteString(name, value);
                }
            }

            void Number(string name, decimal? value)
            {
                if (value is decimal number)
                {
                    json.WriteNumber(name, number);
                }
            }
        }

        return Encoding.UTF8.GetString(stream.GetBuffer(), 0, (int)stream.Length);
    }

    [SuppressMessage("Design", "CA1031", Justification = "Whatever is wrong with the log, the run goes on without it.")]
    private async Task WriteAsync()
    {
        // Even before anything has happened, so that it is reported at once if there can be no log.
        await AppendAsync([]).ConfigureAwait(false);
        _isCut = await EndsWithinLineAsync().ConfigureAwait(false);
        var lines = new StringBuilder();
        while (await _entries.Reader.WaitToReadAsync().ConfigureAwait(false))
        {
            lines.Clear();
            int count = 0;
            TaskCompletionSource? flushed = null;
            while (flushed is null && lines.Length < LongestWrite && _entries.Reader.TryRead(out Entry entry))
            {
                flushed = entry.Flushed;
                if (entry.Line is string line)
                {
                    lines.Append(LineText.Escape(line)).Append('\n');
                    count++;
                }
            }

            if (count > 0)
            {
                await AppendAsync(Encoding.UTF8.GetBytes(lines.ToString()), count).ConfigureAwait(false);
            }

            flushed?.TrySetResult();
        }
    }

    /// <summary>Whether the last line has no line end: an earlier run filled the disk or lost power while writing it, or an editor saved it that way.</summary>
    private async Task<bool> EndsWithinLineAsync()
    {
        long? length = FindLengthWithoutEnd();
        if (length is null)
        {
            return false;
        }

        // Another process may be in the middle of its line.
        await Task.Delay(s_pause, _options.TimeProvider).ConfigureAwait(false);
        return FindLengthWithoutEnd() == length;
    }

    /// <summary>The length of the file; <see langword="null"/> if its last line has an end, or there is none.</summary>
    private long? FindLengthWithoutEnd()
    {
        try
        {
            using FileStream file = OrdinaryFile.Open(_options.Path, share: FileShare.ReadWrite | FileShare.Delete);
            long length = file.Length;
            if (length == 0)
            {
                return null;
            }

            file.Position = length - 1;
            return file.ReadByte() is '\n' ? null : length;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // What is wrong is reported when the log is written to.
            return null;
        }
    }

    [SuppressMessage("Design", "CA1031", Justification = "Whatever is wrong with the log, the run goes on without it.")]
    private async Task AppendAsync(byte[] lines, int count = 0)
    {
        try
        {
            if (_lost > 0 && count > 0)
            {
                string said = _options.Redact(Format(new RunEvent(RunEventKind.Warned) { Message = string.Create(CultureInfo.InvariantCulture, $"{_lost} events before this one could not be written.") }));
                lines = [.. Encoding.UTF8.GetBytes(said + "\n"), .. lines];
            }

            // The rest of a line that was cut off is not written; a new line begins.
            byte[] content = _isCut && count > 0 ? [(byte)'\n', .. lines] : lines;
            OwnFile.CreateFolder(Path.GetDirectoryName(_options.Path)!, FileReaders.Owner);
            for (int attempt = 1; ; attempt++)
            {
                if (OwnFile.TryAppend(_options.Path, content, FileReaders.Owner) is int written)
                {
                    _isCut = written > 0 && written < content.Length;
                    if (_isCut)
                    {
                        throw new IOException("The disk is full.");
                    }

                    _lost = 0;
                    return;
                }

                if (attempt == MaxAttempts)
                {
                    throw new IOException("Another program has kept it open for itself, or renamed it again and again.");
                }

                await Task.Delay(s_pause, _options.TimeProvider).ConfigureAwait(false);
            }
        }
        catch (Exception exception)
        {
            _lost += count;
            if (!_isTold)
            {
                _isTold = true;
                _options.OnTrouble($"The log '{_options.Path}' cannot be written: {exception.Message.TrimEnd('.')}. The command goes on without it, and tries it again with every event.");
            }
        }
    }

    /// <param name="Line">The line; <see langword="null"/> for none.</param>
    /// <param name="Flushed">Completed when everything before it is written.</param>
    private readonly record struct Entry(string? Line, TaskCompletionSource? Flushed);
}

/// <summary>How a run is logged.</summary>
internal sealed record RunLogOptions
{
    /// <summary>The full path of the file.</summary>
    public required string Path { get; init; }

    /// <summary>The id of the run.</summary>
    public required string RunId { get; init; }

    /// <summary>The command.</summary>
    public required string Command { get; init; }

    /// <summary>Hides secrets. Called on any thread.</summary>
    public Func<string, string> Redact { get; init; } = static text => text;

    /// <summary>Called once if the log cannot be written, on any thread.</summary>
    public Action<string> OnTrouble { get; init; } = static _ => { };

    /// <summary>The clock.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;
}
