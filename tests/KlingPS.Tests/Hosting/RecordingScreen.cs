using System.Collections.Concurrent;
using System.Collections.ObjectModel;
using System.Management.Automation;
using System.Management.Automation.Host;
using System.Security;

namespace KlingPS.Tests.Hosting;

/// <summary>What a <see cref="RecordingHost"/> has shown and asked.</summary>
internal sealed class RecordingScreen : PSHostUserInterface
{
    public ConcurrentQueue<string> Lines { get; } = new();

    public ConcurrentQueue<string> Warnings { get; } = new();

    /// <summary>The records of bars, and the source that a bar is told apart by besides its id.</summary>
    public ConcurrentQueue<(long Source, ProgressRecord Record)> Progress { get; } = new();

    public ConcurrentQueue<string> Questions { get; } = new();

    /// <summary>Begins of the choices that are taken, one after the other.</summary>
    public ConcurrentQueue<string> Answers { get; } = new();

    public override PSHostRawUserInterface RawUI => null!;

    public override int PromptForChoice(string caption, string message, Collection<ChoiceDescription> choices, int defaultChoice)
    {
        Questions.Enqueue(message);
        Assert.True(Answers.TryDequeue(out string? answer), $"Nobody expected the question: {message}");
        return choices.IndexOf(choices.First(choice => choice.Label.Replace("&", string.Empty, StringComparison.Ordinal).StartsWith(answer, StringComparison.Ordinal)));
    }

    public override void WriteWarningLine(string message) => Warnings.Enqueue(message);

    public override void WriteLine(string value) => Lines.Enqueue(value);

    public override void Write(string value)
    {
    }

    public override void Write(ConsoleColor foregroundColor, ConsoleColor backgroundColor, string value)
    {
    }

    public override void WriteDebugLine(string message)
    {
    }

    public override void WriteErrorLine(string value)
    {
    }

    public override void WriteProgress(long sourceId, ProgressRecord record) => Progress.Enqueue((sourceId, record));

    public override void WriteVerboseLine(string message)
    {
    }

    public override Dictionary<string, PSObject> Prompt(string caption, string message, Collection<FieldDescription> descriptions) => throw new NotSupportedException();

    public override PSCredential PromptForCredential(string caption, string message, string userName, string targetName) => throw new NotSupportedException();

    public override PSCredential PromptForCredential(
        string caption, string message, string userName, string targetName, PSCredentialTypes allowedCredentialTypes, PSCredentialUIOptions options) => throw new NotSupportedException();

    public override string ReadLine() => throw new NotSupportedException();

    public override SecureString ReadLineAsSecureString() => throw new NotSupportedException();
}
