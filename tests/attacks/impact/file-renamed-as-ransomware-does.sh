# rule: File renamed as ransomware does
# where: host
attack() {
    echo > plan.xlsx
    mv plan.xlsx plan.xlsx.lockbit
}
near_miss() {
    echo > plan.xlsx
    mv plan.xlsx plan-2026.xlsx
}
