using System.Collections.ObjectModel;
using System.Globalization;
using System.Management.Automation;
using System.Management.Automation.Host;
using System.Security;

namespace KlingPS.Tests.Hosting;

/// <summary>A host with somebody behind it who answers every hidden question with the same text.</summary>
internal sealed class AskingHost(string answer) : PSHost
{
    private readonly Interface _ui = new(answer);

    public int Questions => _ui.Questions;

    public string Written => _ui.Written;

    /// <summary>Whether its input has ended: PowerShell's own host fails with this exception then.</summary>
    public bool IsAtEnd { init => _ui.IsAtEnd = value; }

    public override string Name => "AskingHost";

    public override Version Version { get; } = new(1, 0);

    public override Guid InstanceId { get; } = Guid.NewGuid();

    public override PSHostUserInterface UI => _ui;

    public override CultureInfo CurrentCulture => CultureInfo.InvariantCulture;

    public override CultureInfo CurrentUICulture => CultureInfo.InvariantCulture;

    public override void EnterNestedPrompt() => throw new NotSupportedException();

    public override void ExitNestedPrompt() => throw new NotSupportedException();

    public override void NotifyBeginApplication()
    {
    }

    public override void NotifyEndApplication()
    {
    }

    public override void SetShouldExit(int exitCode) => throw new NotSupportedException();

    private sealed class Interface(string answer) : PSHostUserInterface
    {
        public int Questions { get; private set; }

        public string Written { get; private set; } = string.Empty;

        public bool IsAtEnd { get; set; }

        public override PSHostRawUserInterface? RawUI => null;

        public override string ReadLine() => throw new NotSupportedException();

        public override SecureString ReadLineAsSecureString()
        {
            Questions++;
            return ConnectedShell.Secure(answer);
        }

        public override Dictionary<string, PSObject> Prompt(string caption, string message, Collection<FieldDescription> descriptions) => throw new NotSupportedException();

        public override int PromptForChoice(string caption, string message, Collection<ChoiceDescription> choices, int defaultChoice)
            => IsAtEnd ? ((string?)null)!.Length : throw new NotSupportedException();

        public override PSCredential PromptForCredential(string caption, string message, string userName, string targetName) => throw new NotSupportedException();

        public override PSCredential PromptForCredential(string caption, string message, string userName, string targetName, PSCredentialTypes allowedCredentialTypes, PSCredentialUIOptions options) => throw new NotSupportedException();

        public override void Write(string value) => Written += value;

        public override void Write(ConsoleColor foregroundColor, ConsoleColor backgroundColor, string value) => Written += value;

        public override void WriteLine(string value) => Written += value + "\n";

        public override void WriteErrorLine(string value) => Written += value + "\n";

        public override void WriteDebugLine(string message) => Written += message + "\n";

        public override void WriteVerboseLine(string message) => Written += message + "\n";

        public override void WriteWarningLine(string message) => Written += message + "\n";

        public override void WriteProgress(long sourceId, ProgressRecord record)
        {
        }
    }
}
