using System.Collections.ObjectModel;
using System.Globalization;
using System.Management.Automation;
using System.Management.Automation.Host;
using System.Management.Automation.Internal;
using System.Security;

namespace KlingPS.Runner;

/// <summary>Shows the engine's streams on the console: errors on the error stream, everything else on the output, as pwsh does.</summary>
internal sealed class ConsoleUserInterface : PSHostUserInterface
{
    /// <inheritdoc/>
    public override PSHostRawUserInterface RawUI { get; } = new ConsoleRawUserInterface();

    /// <inheritdoc/>
    public override bool SupportsVirtualTerminal { get; } =
        !Console.IsOutputRedirected
        && Environment.GetEnvironmentVariable("NO_COLOR") is null
        && (!OperatingSystem.IsWindows() || Environment.GetEnvironmentVariable("WT_SESSION") is not null);

    /// <summary>The line that shows progress, on a console only.</summary>
    public ProgressLine Progress { get; } = new(Console.IsOutputRedirected ? TextWriter.Null : Console.Out);

    /// <summary>Set when what comes now is the error that ended the script.</summary>
    public bool OutputIsError { get; set; }

    /// <inheritdoc/>
    public override void Write(string value)
    {
        Progress.Clear();
        if (OutputIsError)
        {
            WriteError(value);
        }
        else
        {
            Console.Out.Write(SupportsVirtualTerminal ? value : Undecorated(value));
        }
    }

    /// <inheritdoc/>
    public override void Write(ConsoleColor foregroundColor, ConsoleColor backgroundColor, string value)
    {
        Progress.Clear();
        (Console.ForegroundColor, Console.BackgroundColor) = (foregroundColor, backgroundColor);
        Console.Out.Write(value);
        Console.ResetColor();
    }

    /// <inheritdoc/>
    public override void WriteLine(string value) => Write(value + Environment.NewLine);

    /// <inheritdoc/>
    public override void WriteErrorLine(string value)
    {
        Progress.Clear();
        WriteError(value + Environment.NewLine);
    }

    /// <inheritdoc/>
    public override void WriteWarningLine(string message) => WriteLine($"{PSStyle.Instance.Formatting.Warning}WARNING: {message}{PSStyle.Instance.Reset}");

    /// <inheritdoc/>
    public override void WriteVerboseLine(string message) => WriteLine($"{PSStyle.Instance.Formatting.Verbose}VERBOSE: {message}{PSStyle.Instance.Reset}");

    /// <inheritdoc/>
    public override void WriteDebugLine(string message) => WriteLine($"{PSStyle.Instance.Formatting.Debug}DEBUG: {message}{PSStyle.Instance.Reset}");

    /// <inheritdoc/>
    public override void WriteProgress(long sourceId, ProgressRecord record) => Progress.Show(sourceId, record);

    /// <inheritdoc/>
    public override string ReadLine()
    {
        RequireConsole();
        return Console.ReadLine() ?? string.Empty;
    }

    /// <inheritdoc/>
    public override SecureString ReadLineAsSecureString()
    {
        RequireConsole();
        var text = new SecureString();
        for (ConsoleKeyInfo key = Console.ReadKey(intercept: true); key.Key != ConsoleKey.Enter; key = Console.ReadKey(intercept: true))
        {
            if (key.Key == ConsoleKey.Backspace)
            {
                if (text.Length > 0)
                {
                    text.RemoveAt(text.Length - 1);
                }
            }
            else if (!char.IsControl(key.KeyChar))
            {
                text.AppendChar(key.KeyChar);
            }
        }

        WriteLine();
        return text;
    }

    /// <inheritdoc/>
    public override Dictionary<string, PSObject> Prompt(string caption, string message, Collection<FieldDescription> descriptions)
    {
        RequireConsole();
        WriteHeading(caption, message);
        var answers = new Dictionary<string, PSObject>(descriptions.Count);
        foreach (FieldDescription field in descriptions)
        {
            Write(field.Name + ": ");
            bool isSecret = field.ParameterTypeFullName == typeof(SecureString).FullName;
            answers[field.Name] = PSObject.AsPSObject(isSecret ? ReadLineAsSecureString() : ReadLine());
        }

        return answers;
    }

    /// <inheritdoc/>
    public override int PromptForChoice(string caption, string message, Collection<ChoiceDescription> choices, int defaultChoice)
    {
        RequireConsole();
        WriteHeading(caption, message);
        var keys = new string[choices.Count];
        for (int i = 0; i < choices.Count; i++)
        {
            // '&' stands before the key of a choice.
            string label = choices[i].Label;
            int mark = label.IndexOf('&', StringComparison.Ordinal);
            keys[i] = mark >= 0 && mark + 1 < label.Length ? label.Substring(mark + 1, 1).ToUpperInvariant() : label;
            Write($"[{keys[i]}] {label.Replace("&", string.Empty, StringComparison.Ordinal)}  ");
        }

        if (defaultChoice >= 0)
        {
            Write(string.Create(CultureInfo.InvariantCulture, $"(default is \"{keys[defaultChoice]}\")"));
        }

        while (true)
        {
            Write(": ");
            string answer = ReadLine().Trim();
            int choice = answer.Length == 0 ? defaultChoice : Array.FindIndex(keys, key => key.Equals(answer, StringComparison.OrdinalIgnoreCase));
            if (choice >= 0)
            {
                return choice;
            }
        }
    }

    /// <inheritdoc/>
    public override PSCredential PromptForCredential(string caption, string message, string userName, string targetName) =>
        PromptForCredential(caption, message, userName, targetName, PSCredentialTypes.Default, PSCredentialUIOptions.Default);

    /// <inheritdoc/>
    public override PSCredential PromptForCredential(
        string caption,
        string message,
        string userName,
        string targetName,
        PSCredentialTypes allowedCredentialTypes,
        PSCredentialUIOptions options)
    {
        RequireConsole();
        WriteHeading(caption, message);
        if (string.IsNullOrEmpty(userName))
        {
            Write("User: ");
            userName = ReadLine();
        }

        Write($"Password for user {userName}: ");
        return new PSCredential(userName, ReadLineAsSecureString());
    }

    private static void RequireConsole()
    {
        if (Console.IsInputRedirected)
        {
            throw new PSInvalidOperationException("The script asks for input, and there is no console to ask at. Pass the value as a parameter.");
        }
    }

    private void WriteHeading(string caption, string message)
    {
        foreach (string text in new[] { caption, message })
        {
            if (!string.IsNullOrEmpty(text))
            {
                WriteLine(text);
            }
        }
    }

    private void WriteError(string value) =>
        Console.Error.Write(SupportsVirtualTerminal && !Console.IsErrorRedirected ? value : Undecorated(value));

    /// <summary>The engine writes its colours whatever the output is; a file is to hold none of them.</summary>
    private static string Undecorated(string value) => new StringDecorated(value).ToString(OutputRendering.PlainText);
}
