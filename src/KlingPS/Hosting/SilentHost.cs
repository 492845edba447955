using System.Globalization;
using System.Management.Automation.Host;

namespace KlingPS.Hosting;

/// <summary>
/// The host for commands of other modules when nobody can be asked. A vault that prompts for its password would
/// otherwise hang, or end the whole script without an error, as pwsh does when its input is empty.
/// </summary>
internal sealed class SilentHost : PSHost
{
    private readonly SilentUserInterface _ui = new();

    /// <summary>Whether anything was asked.</summary>
    public bool WasAsked => _ui.WasAsked;

    public override string Name => "KlingPS";

    public override Version Version { get; } = typeof(SilentHost).Assembly.GetName().Version!;

    public override Guid InstanceId { get; } = Guid.NewGuid();

    public override PSHostUserInterface UI => _ui;

    public override CultureInfo CurrentCulture => CultureInfo.CurrentCulture;

    public override CultureInfo CurrentUICulture => CultureInfo.CurrentUICulture;

    public override void EnterNestedPrompt() => throw new HostException("This session cannot ask.");

    public override void ExitNestedPrompt()
    {
    }

    public override void NotifyBeginApplication()
    {
    }

    public override void NotifyEndApplication()
    {
    }

    public override void SetShouldExit(int exitCode)
    {
    }
}
