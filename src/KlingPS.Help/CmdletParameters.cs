using System.Management.Automation;

namespace KlingPS.Help;

/// <summary>Tells a cmdlet's own parameters from those the engine adds.</summary>
internal static class CmdletParameters
{
    /// <summary>The description of the parameters that <c>SupportsShouldProcess</c> adds, for pages that do not describe them.</summary>
    public static readonly IReadOnlyDictionary<string, string> StandardText = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase)
    {
        ["WhatIf"] = "Shows what would happen if the cmdlet runs. The cmdlet is not run.",
        ["Confirm"] = "Prompts you for confirmation before running the cmdlet.",
    };

    /// <summary>The parameters of a set that belong in the cmdlet's help.</summary>
    /// <param name="set">The set.</param>
    /// <returns>All but the common ones, <c>WhatIf</c> and <c>Confirm</c> last.</returns>
    public static IEnumerable<CommandParameterInfo> OwnOf(CommandParameterSetInfo set) =>
        set.Parameters
            .Where(parameter => !Cmdlet.CommonParameters.Contains(parameter.Name))
            .OrderBy(parameter => StandardText.ContainsKey(parameter.Name));
}
